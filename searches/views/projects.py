"""The pages of a project beside its runs: members, activity, templates. Verbs are in `services`."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nasportal.lib.requests import Request
from searches import services
from searches.models import Activity, Project, SpecTemplate
from searches.models.status import Role

ROLES = (
    (Role.EDITOR, "Editor", "can start, pause, stop and delete runs"),
    (Role.VIEWER, "Viewer", "can view everything and change nothing"),
)
ACTIVITY_ON_A_PAGE = 50


def project_context(request: Request, shown: Project, place: str) -> dict[str, Any]:
    """Returns what the head of each of a project's pages needs."""
    role = shown.role_of(request.user)
    return {
        "project": shown,
        "place": place,
        "role": role,
        "may_edit": role in (Role.OWNER, Role.EDITOR),
        "is_owner": role == Role.OWNER,
    }


def visible_project(request: Request, slug: str) -> Project:
    return get_object_or_404(Project.objects.visible_to(request.user).select_related("owner"), slug=slug)


def owned_project(request: Request, slug: str) -> Project:
    return get_object_or_404(Project.objects.owned_by(request.user), slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
def members(request: Request, slug: str) -> HttpResponse:
    """Lists who sees the project, and as what; its owner adds people by their user name."""
    shown = owned_project(request, slug) if request.method == "POST" else visible_project(request, slug)
    context = project_context(request, shown, "members") | {"roles": ROLES, "name": "", "chosen": Role.EDITOR}
    if request.method == "POST":
        context |= {"name": request.POST.get("name", "").strip(), "chosen": request.POST.get("role", "")}
        try:
            user = _person(context["name"])
            services.member_add(project=shown, user=user, role=_role(context["chosen"]), by=request.user)
        except ValidationError as error:
            context["error"] = " ".join(error.messages)
        else:
            messages.success(request, f"{user.get_username()} is now a member.")
            return redirect("searches:members", slug=slug)
    context["memberships"] = shown.memberships.select_related("user")
    return render(request, "searches/members.html", context, status=422 if context.get("error") else 200)


def _person(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True).first() if name.isprintable() else None
    if user is None:
        raise ValidationError(f"No user {name[:60]!r}. Ask your administrator to create the account.")
    return user


def _role(text: str) -> Role:
    if text not in (Role.EDITOR, Role.VIEWER):
        raise ValidationError(f"A role must be {Role.EDITOR} or {Role.VIEWER}, but is {text[:40]!r}.")
    return Role(text)


@require_POST
def member_role(request: Request, slug: str, user: int) -> HttpResponse:
    """Another role for a member; only the owner gives it."""
    shown = owned_project(request, slug)
    membership = get_object_or_404(shown.memberships.select_related("user"), user_id=user)
    try:
        services.member_add(
            project=shown, user=membership.user, role=_role(request.POST.get("role", "")), by=request.user
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("searches:members", slug=slug)


@require_POST
def member_remove(request: Request, slug: str, user: int) -> HttpResponse:
    """The owner removes anybody; everybody may leave."""
    leaves = user == request.user.pk
    shown = visible_project(request, slug) if leaves else owned_project(request, slug)
    membership = get_object_or_404(shown.memberships.select_related("user"), user_id=user)
    services.member_remove(project=shown, user=membership.user, by=request.user)
    if leaves:
        messages.success(request, f"You have left {shown.name}.")
        return redirect("searches:projects")
    messages.success(request, f"{membership.user.get_username()} no longer sees this project.")
    return redirect("searches:members", slug=slug)


@require_POST
def transfer(request: Request, slug: str) -> HttpResponse:
    """Hands the project to a member; its owner becomes an editor."""
    shown = owned_project(request, slug)
    try:
        new_owner = _person(request.POST.get("name", "").strip())
        services.project_transfer(project=shown, to=new_owner, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{new_owner.get_username()} now owns this project. You are an editor.")
    return redirect("searches:members", slug=slug)


@require_POST
def rename(request: Request, slug: str) -> HttpResponse:
    """Another name; the address stays."""
    shown = owned_project(request, slug)
    try:
        services.project_rename(project=shown, name=request.POST.get("name", ""), by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("searches:members", slug=slug)


@require_safe
def activity(request: Request, slug: str) -> HttpResponse:
    """Lists who did what, the newest first."""
    shown = visible_project(request, slug)
    page = Paginator(Activity.objects.filter(project=shown), ACTIVITY_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "searches/activity.html",
        project_context(request, shown, "activity") | {"page": page, "activity": page.object_list},
    )


@require_safe
def templates(request: Request, slug: str) -> HttpResponse:
    """Specs that the project keeps to start from."""
    shown = visible_project(request, slug)
    kept = shown.templates.select_related("created_by")
    return render(
        request, "searches/templates.html", project_context(request, shown, "templates") | {"templates": kept}
    )


@require_POST
def template_delete(request: Request, slug: str, pk: int) -> HttpResponse:
    """Those who start runs also keep their templates in order."""
    shown = get_object_or_404(Project.objects.editable_by(request.user), slug=slug)
    template = get_object_or_404(SpecTemplate.objects.select_related("project"), project=shown, pk=pk)
    services.template_delete(template=template, by=request.user)
    messages.success(request, f"The template {template.name} was deleted.")
    return redirect("searches:templates", slug=slug)
