"""Wishes that meet a deletion answer 404: one after the other with rows that are gone, and 64 requests at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from nasportal.lib.rows import Gone
from searches import services
from searches.models import Project, SearchRun, SpecTemplate
from searches.services import annotations
from tests.support.world import World, spec

WISHES: dict[str, Callable[[World], Any]] = {
    "pause": lambda world: services.run_pause(run=world.run, by=world.bob),
    "resume": lambda world: services.run_resume(run=world.run, by=world.bob),
    "cancel": lambda world: services.run_cancel(run=world.run, by=world.bob),
    "delete": lambda world: services.run_delete(run=world.run, by=world.bob),
    "rename": lambda world: services.run_rename(run=world.run, name="other", by=world.bob),
    "clone": lambda world: services.run_clone(run=world.run, by=world.bob),
    "note": lambda world: annotations.note_save(target=world.run, text="a note", by=world.bob),
    "tags": lambda world: annotations.tags_set(target=world.run, names=["a"]),
    "star": lambda world: annotations.star_set(target=world.run, user=world.bob, is_starred=True),
    "project rename": lambda world: services.project_rename(project=world.project, name="other", by=world.alice),
    "project delete": lambda world: services.project_delete(project=world.project),
    "project transfer": lambda world: services.project_transfer(project=world.project, to=world.bob, by=world.alice),
    "member add": lambda world: services.member_add(project=world.project, user=world.charlie, role="viewer"),
    "member remove": lambda world: services.member_remove(project=world.project, user=world.vera),
    "template": lambda world: services.template_save(project=world.project, name="t", spec=spec(), by=world.bob),
}


@pytest.mark.django_db
@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_for_what_was_deleted_meanwhile_is_refused_as_gone(wish: str, world: World) -> None:
    run_id, project_id = world.run.pk, world.project.pk
    SearchRun.objects.all().delete()
    Project.objects.all().delete()
    world.run.pk, world.project.pk = run_id, project_id
    with pytest.raises(Gone):
        WISHES[wish](world)


@pytest.mark.django_db
def test_a_template_is_deleted_once(world: World) -> None:
    template = services.template_save(project=world.project, name="t", spec=spec(), by=world.bob)
    SpecTemplate.objects.all().delete()
    with pytest.raises(Gone):
        services.template_delete(template=template, by=world.bob)


@pytest.mark.django_db(transaction=True)
def test_sixty_four_parallel_wishes_beside_deletions_answer_below_500(world: World) -> None:
    runs = [services.run_create(project=world.project, spec=spec(), name=f"{n}", by=world.alice) for n in range(8)]
    clients = [Client(raise_request_exception=False) for _ in range(8)]
    for client, user in zip(clients, [world.alice, world.bob] * 4, strict=True):
        client.force_login(user)
    together = Barrier(8)

    def wishes(client: Client, turn: int) -> list[int]:
        codes = []
        for run in runs:
            together.wait()
            verb = ("pause", "cancel", "resume", "delete", "clone", "delete", "rename", "rename")[turn]
            if verb == "rename":
                path = f"/api/v1/runs/{run.pk}/"
                answer = client.patch(path, {"name": "other"}, content_type="application/json")
            else:
                answer = client.post(f"/runs/{run.pk}/{verb}/")
            codes.append(answer.status_code)
        connection.close()
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = [code for each in pool.map(wishes, clients, range(8)) for code in each]
    assert len(codes) == 64
    assert [code for code in codes if code >= 500] == []
