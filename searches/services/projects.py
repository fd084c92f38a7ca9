"""Projects, their members and their templates. Each verb is one transaction."""

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from nasportal.lib import rows
from searches.models import Membership, Project, SearchRun, SpecTemplate
from searches.models.status import WITH_WORK, Role
from searches.services.activity import activity_add
from searches.services.datasets import dataset_delete
from searches.services.transitions import removal
from searches.spec import SearchSpec


def one_line(name: str) -> str:
    """Returns a name as it is kept, without characters that hide or turn what stands beside it.

    Raises ValidationError where it is not one line of printable characters.
    """
    name = " ".join(name.split())
    if not name.isprintable():
        raise ValidationError({"name": ["A name must be one line of printable characters."]})
    return name


@transaction.atomic
def project_create(*, owner: AbstractBaseUser, name: str) -> Project:
    name = one_line(name)
    project = Project(owner_id=owner.pk, name=name, slug=_free_slug(name))
    project.full_clean()
    project.save()
    activity_add(project=project, by=owner, what="created the project")
    return project


def _free_slug(name: str) -> str:
    stem = slugify(name)[:60].strip("-") or "project"
    taken = set(Project.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in _numbered(stem, len(taken) + 2) if slug not in taken)


def _numbered(stem: str, count: int) -> list[str]:
    return [stem, *(f"{stem}-{number}" for number in range(2, count + 1))]


@transaction.atomic
def project_rename(*, project: Project, name: str, by: AbstractBaseUser) -> Project:
    """The slug stays: links to the project go on working."""
    rows.locked(project)
    project.name = one_line(name)
    project.full_clean()
    project.save(update_fields=["name"])
    activity_add(project=project, by=by, what=f"renamed the project to {project.name}")
    return project


@transaction.atomic
def project_delete(*, project: Project) -> None:
    """Deletes a project.

    Raises ValidationError while a run in it is live: its files would be pulled from under an engine.
    """
    rows.locked(project)
    live = SearchRun.objects.select_for_update().filter(project=project, status__in=WITH_WORK).count()
    if live:
        raise ValidationError(f"{live} of the project's runs have not ended. Cancel or pause them first.")
    for upload in project.datasets.all():
        dataset_delete(upload=upload)
    for folder in [project.cache, *(run.folder for run in project.runs.all())]:
        transaction.on_commit(removal(folder))
    project.delete()


@transaction.atomic
def project_transfer(*, project: Project, to: AbstractBaseUser, by: AbstractBaseUser) -> Project:
    """Hands a project to one of its members; the former owner stays as an editor. Raises ValidationError for others."""
    project.owner_id = rows.locked(project).owner_id  # as it is now: another transfer may have been quicker
    membership = Membership.objects.filter(project=project, user_id=to.pk).first()
    if membership is None:
        raise ValidationError(f"{to.get_username()} is not a member of this project. Add them first.")
    membership.delete()
    Membership.objects.create(project=project, user_id=project.owner_id, role=Role.EDITOR)
    project.owner_id = to.pk
    project.save(update_fields=["owner"])
    activity_add(project=project, by=by, what=f"handed the project over to {to.get_username()}")
    return project


@transaction.atomic
def member_add(
    *, project: Project, user: AbstractBaseUser, role: str, by: AbstractBaseUser | None = None
) -> Membership:
    """Adds somebody to a project, or changes their role. Raises ValidationError where it is the owner."""
    project.owner_id = rows.locked(project).owner_id
    if user.pk == project.owner_id:
        raise ValidationError("The owner of a project cannot have another role in it.")
    membership = Membership.objects.filter(project=project, user_id=user.pk).first()
    if membership and membership.role == role:
        return membership
    what = "made {} {}" if membership else "added {} as {}"
    membership = membership or Membership(project=project, user_id=user.pk)
    membership.role = Role(role)
    membership.full_clean()
    membership.save()
    activity_add(project=project, by=by, what=what.format(user.get_username(), Role(role).value))
    return membership


@transaction.atomic
def member_remove(*, project: Project, user: AbstractBaseUser, by: AbstractBaseUser | None = None) -> None:
    rows.locked(project)
    gone, _ = Membership.objects.filter(project=project, user_id=user.pk).delete()
    if gone:
        left = by is not None and by.pk == user.pk
        activity_add(project=project, by=by, what="left the project" if left else f"removed {user.get_username()}")


@transaction.atomic
def template_save(*, project: Project, name: str, spec: SearchSpec, by: AbstractBaseUser) -> SpecTemplate:
    """Keeps a spec under a name; the same name again replaces it."""
    rows.locked(project)
    name = one_line(name)
    template = SpecTemplate.objects.filter(project=project, name=name).first() or SpecTemplate(
        project=project, name=name
    )
    template.spec, template.created_by_id = spec.to_document(), by.pk
    template.full_clean()
    template.save()
    activity_add(project=project, by=by, what=f"saved the template {name}")
    return template


@transaction.atomic
def template_delete(*, template: SpecTemplate, by: AbstractBaseUser) -> None:
    rows.locked(template)
    activity_add(project=template.project, by=by, what=f"deleted the template {template.name}")
    template.delete()
