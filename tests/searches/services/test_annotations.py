"""Notes, tags, stars, templates, members and activity: what people add to searches, and who may."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from nasportal.lib.markdown import rendered
from searches import services
from searches.models import Activity, Membership, SpecTemplate
from searches.services import annotations
from tests.support.world import World, spec


def said(world: World) -> list[str]:
    return [f"{each.by} {each.what}".strip() for each in Activity.objects.filter(project=world.project)]


def test_a_note_is_saved_changed_and_removed(world: World) -> None:
    note = annotations.note_save(target=world.run, text=" worth **repeating** \r\n", by=world.bob)
    assert note is not None
    assert (note.text, note.version) == ("worth **repeating**", 1)
    assert annotations.note_save(target=world.run, text="no", by=world.alice, version=1).version == 2  # type: ignore[union-attr]
    assert annotations.note_save(target=world.run, text="  ", by=world.alice) is None
    assert annotations.note_of(world.run) is None


def test_a_note_is_not_overwritten_unseen(world: World) -> None:
    annotations.note_save(target=world.run, text="Alice's", by=world.alice, version=0)
    with pytest.raises(annotations.NoteOvertaken, match="alice changed this note while you were writing"):
        annotations.note_save(target=world.run, text="Bob's", by=world.bob, version=0)
    assert annotations.note_of(world.run).text == "Alice's"  # type: ignore[union-attr]


def test_a_run_and_its_candidates_have_notes_of_their_own(world: World) -> None:
    first, second = world.finished.candidates.select_related("run")[:2]
    for target in (world.finished, first, second):
        annotations.note_save(target=target, text=str(target), by=world.alice)
        annotations.note_save(target=target, text=f"{target} again", by=world.alice)
    assert [annotations.note_of(each).text for each in (world.finished, first, second)] == [  # type: ignore[union-attr]
        "finished again", f"{first} again", f"{second} again",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [("x" * 20_001, "at most 20,000 characters, but has 20,001"), ("a\0b", "must not contain the char")],
)
def test_a_bad_note_is_refused(world: World, text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        annotations.note_save(target=world.run, text=text, by=world.alice)


def test_tags_are_small_single_and_sorted(world: World) -> None:
    assert annotations.tags_set(target=world.run, names=["Phone", " phone ", "for  the paper", ""]) == [
        "for the paper", "phone",
    ]  # fmt: skip
    assert annotations.tags_set(target=world.run, names=["phone"]) == ["phone"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["x" * 41], "at most 40 characters"),
        (["a\u202eb"], "must be printable"),
        ([str(each) for each in range(21)], "At most 20 tags are kept, but there are 21"),
    ],
)
def test_bad_tags_are_refused(world: World, names: list[str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        annotations.tags_set(target=world.run, names=names)


def test_a_star_is_the_users_own(world: World) -> None:
    for _ in range(2):
        annotations.star_set(target=world.run, user=world.vera, is_starred=True)
    assert annotations.is_starred(world.run, world.vera)
    assert not annotations.is_starred(world.run, world.alice)
    annotations.star_set(target=world.run, user=world.vera, is_starred=False)
    assert not annotations.is_starred(world.run, world.vera)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "![x](javascript:alert(1))",
        "<a href='javascript:alert(1)'>x</a>",
        '[x](https://a.b "onmouseover=alert(1)")',
        "<javascript:alert(1)>",
        '[x](<https://a.b/" onclick="alert(1)>)',
        "```\n</code><script>alert(1)</script>\n```",
        "|a|\n|-|\n|<svg/onload=alert(1)>|",
    ],
)
def test_a_note_brings_no_markup_of_its_own(hostile: str) -> None:
    html = rendered(hostile).lower()
    for tag in ("<script", "<img", "<svg", "<iframe", "<style"):
        assert tag not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'href="vbscript' not in html
    assert ' onclick="' not in html
    assert "onerror=alert" not in html.replace("&lt;img src=x onerror=alert(1)&gt;", "")


def test_a_note_is_markdown() -> None:
    html = rendered("# Head\n\n* **bold** [link](https://example.org)\n\n|a|\n|-|\n|1|")
    assert "<h3>Head</h3>" in html
    assert "<strong>bold</strong>" in html
    assert '<a href="https://example.org" rel="nofollow noopener noreferrer">link</a>' in html
    assert "<table>" in html


def test_a_project_is_handed_over(world: World) -> None:
    services.project_transfer(project=world.project, to=world.bob, by=world.alice)
    world.project.refresh_from_db()
    assert world.project.owner == world.bob
    assert world.project.role_of(world.alice) == "editor"
    assert not Membership.objects.filter(project=world.project, user=world.bob).exists()
    assert said(world)[0] == "alice handed the project over to bob"


def test_a_project_is_not_handed_to_a_stranger(world: World) -> None:
    with pytest.raises(ValidationError, match=r"charlie is not a member of this project\. Add them first"):
        services.project_transfer(project=world.project, to=world.charlie, by=world.alice)


def test_a_template_is_kept_and_replaced(world: World) -> None:
    services.template_save(project=world.project, name=" Phone  run", spec=spec(), by=world.bob)
    services.template_save(project=world.project, name="Phone run", spec=spec(seed=9), by=world.alice)
    kept = SpecTemplate.objects.get(project=world.project)
    assert (kept.name, kept.spec["seed"]) == ("Phone run", 9)
    services.template_delete(template=kept, by=world.alice)
    assert said(world)[:3] == [
        "alice deleted the template Phone run", "alice saved the template Phone run",
        "bob saved the template Phone run",
    ]  # fmt: skip


def test_activity_tells_what_happened_to_members_and_runs(world: World) -> None:
    services.member_add(project=world.project, user=world.vera, role="editor", by=world.alice)
    services.member_add(project=world.project, user=world.vera, role="editor", by=world.alice)  # nothing changed
    services.member_remove(project=world.project, user=world.vera, by=world.vera)
    services.run_pause(run=world.run, by=world.bob)
    services.run_rename(run=world.run, name="later", by=world.bob)
    services.run_delete(run=world.run, by=world.bob)
    assert said(world)[:5] == [
        "bob deleted the run later", "bob renamed the run waiting to later", "bob paused the run waiting",
        "vera left the project", "alice made vera editor",
    ]  # fmt: skip
    assert "finished finished" in said(world)


def test_a_list_is_filtered_by_name_status_tag_and_star(world: World, client: Client) -> None:
    client.force_login(world.alice)
    annotations.tags_set(target=world.run, names=["phone"])
    annotations.star_set(target=world.run, user=world.alice, is_starred=True)
    annotations.star_set(target=world.finished, user=world.bob, is_starred=True)
    for query, shown in (
        ("search=&status=&tag=&starred=", {"waiting", "finished"}),
        ("search=wait&status=", {"waiting"}),
        ("status=finished", {"finished"}),
        ("tag=phone&search=", {"waiting"}),
        ("starred=true", {"waiting"}),
        ("tag=unheard-of", set()),
        ("status=unheard-of", set()),
    ):
        for path in ("/", f"/projects/{world.project.slug}/"):
            page = client.get(f"{path}?{query}", headers={"HX-Request": "true"}).content.decode()
            assert {name for name in ("waiting", "finished") if f'data-run-name="{name}"' in page} == shown, query


def test_candidates_are_filtered_by_star_and_tag(world: World, client: Client) -> None:
    client.force_login(world.alice)
    candidate = world.finished.candidates.select_related("run__project").first()
    assert candidate is not None
    annotations.tags_set(target=candidate, names=["small & quick"])
    annotations.star_set(target=candidate, user=world.alice, is_starred=True)
    path = f"/runs/{world.finished.pk}/candidates/"
    for query in ("show=starred", "show=tag%3Asmall+%26+quick"):
        page = client.get(f"{path}?{query}", headers={"HX-Request": "true"}).content.decode()
        assert page.count("data-number=") == 1, query
        api = f"/api/v1{path}?{'starred=true' if 'starred' in query else 'tag=small+%26+quick'}"
        assert client.get(api).json()["count"] == 1
