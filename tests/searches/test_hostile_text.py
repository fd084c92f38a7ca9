"""Text from people stays text: names, notes, tags and templates with payloads are kept and shown escaped."""

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from searches import services
from searches.models import Project, SearchRun, SpecTemplate
from searches.services import annotations
from tests.support.world import SPEC, World, spec

PAYLOADS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% debug %}",
    "${jndi:ldap://x}",
    "__import__('os').system('id')",
    "$(id)`id`;id|id&&id",
    "-rf",
    "=cmd|'/c calc'!A1",
    "!!python/object/apply:os.system [id]",
    "' OR 1=1; DROP TABLE searches_searchrun;--",
    "class",
    "None",
    "../../etc/passwd",
    "🙂 ﷽ Ａ",
    "a" * 200,
]  # fmt: skip
REFUSED = ["", "   ", "a\nb", "a\r\nBcc: x@example.org", "a\0b", "\u202egnp.exe", "x" * 201, "x" * 10_000]


@pytest.fixture
def alice(world: World, client: Client) -> Client:
    client.force_login(world.alice)
    return client


def must_be_harmless(page: str) -> None:
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", page)
    assert "<img src=x" not in page
    assert "49{" not in page


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_hostile_name_is_kept_and_shown_as_text(world: World, alice: Client, text: str) -> None:
    project = services.project_create(owner=world.alice, name=text)
    services.run_rename(run=world.finished, name=text, by=world.alice)
    services.template_save(project=project, name=text, spec=spec(), by=world.alice)
    run = services.run_create(project=project, spec=spec(), name=text, by=world.alice)
    tag = text.replace(",", " ")[:40]
    annotations.tags_set(target=run, names=[tag])
    annotations.note_save(target=run, text=text, by=world.alice)
    for path in (
        "/", "/projects/", f"/projects/{project.slug}/", f"/projects/{project.slug}/templates/",
        f"/projects/{project.slug}/activity/", f"/runs/{run.pk}/",
    ):  # fmt: skip
        answer = alice.get(path)
        assert answer.status_code == 200, path
        must_be_harmless(answer.content.decode())
    kept = alice.get(f"/api/v1/runs/{run.pk}/").json()
    assert (kept["name"], kept["tags"]) == (" ".join(text.split()), annotations.clean_tags([tag]))
    assert Project.objects.get(pk=project.pk).name == " ".join(text.split())
    answer = alice.get(f"/runs/{run.pk}/history.jsonl")
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer["Content-Disposition"])


@pytest.mark.parametrize("text", REFUSED)
def test_a_name_that_is_none_is_refused_everywhere_in_a_sentence(world: World, alice: Client, text: str) -> None:
    counts = (Project.objects.count(), SearchRun.objects.count(), SpecTemplate.objects.count())
    slug = world.project.slug
    for path, body in (
        ("/api/v1/projects/", {"name": text}),
        ("/api/v1/runs/", {"project": slug, "name": text, "spec": SPEC}),
        (f"/api/v1/projects/{slug}/templates/", {"name": text, "spec": SPEC}),
    ):
        answer = alice.post(path, body, content_type="application/json")
        assert (answer.status_code, list(answer.json())) == (400, ["name"]), path
    page = alice.post("/projects/", {"name": text})
    single_line = " ".join(text.split())
    if not single_line or len(single_line) > 200 or not single_line.isprintable():
        assert page.status_code == 422
        assert counts == (Project.objects.count(), SearchRun.objects.count(), SpecTemplate.objects.count())
    for path in (f"/projects/{slug}/rename/", f"/projects/{slug}/transfer/"):
        answer = alice.post(path, {"name": text})
        assert answer.status_code == 302
        assert all(str(message) for message in get_messages(answer.wsgi_request))
    answer = alice.post(f"/projects/{slug}/members/", {"name": text, "role": "editor"})
    assert answer.status_code == 422
    assert "No user" in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    ["/search/?q=a%00b", "/?page=%00", "/runs/compare/?project=%00", "/projects/a%00b/", "/api/v1/runs/?search=%00"],
)
def test_an_address_with_a_nul_is_refused_in_a_sentence(alice: Client, path: str) -> None:
    answer = alice.get(path)
    assert answer.status_code == 400
    assert "NUL character" in answer.content.decode()
