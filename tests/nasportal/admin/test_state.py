"""What administrators see: state, audit log, metrics; logs as JSON; the limit on requests."""

import json
import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.throttling import UserRateThrottle

from nasportal.accounts.models import AuditEntry
from nasportal.accounts.services import audit_cut
from nasportal.json_logs import JsonLines
from tests.support.world import World


@pytest.fixture
def root(world: World, client: Client) -> Client:
    world.alice.is_superuser = True
    world.alice.save()
    client.force_login(world.alice)
    return client


def test_the_state_is_shown_in_figures(root: Client) -> None:
    page = root.get("/administration/").content.decode()
    assert "Messages waiting" in page
    assert "Free disk" in page


def test_the_audit_log_tells_who_did_what(root: Client, world: World) -> None:
    root.post(f"/runs/{world.run.pk}/pause/")
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.user, entry.method, entry.route) == ("alice", "POST", "/runs/<int:pk>/<str:verb>/")
    assert entry.arguments == {"pk": str(world.run.pk), "verb": "pause"}
    assert "/runs/&lt;int:pk&gt;/" in root.get("/administration/audit/?user=alice").content.decode()
    assert "No entries" in root.get("/administration/audit/?user=nobody").content.decode()
    AuditEntry.objects.update(at="2020-01-01T00:00:00Z")
    assert audit_cut(days=365) >= 1


def test_metrics_need_the_token(client: Client, world: World, settings: Any) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    settings.METRICS_TOKEN = "scrape-me"
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer scrape-me"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'nasportal_runs{status="finished"} 1.0' in text
    assert 'nasportal_evaluations{outcome="done"} 12.0' in text
    assert "nasportal_queue_messages" in text
    assert "process_resident_memory_bytes" in text


def test_a_log_line_is_an_object_with_its_run() -> None:
    record = logging.LogRecord("searches.supervision", logging.INFO, "", 0, "run %s: claimed \n%r", (12, "x"), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["run"] == 12


def test_too_many_requests_are_refused_for_a_while(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    cache.clear()
    client.force_login(world.vera)
    answers = [client.get("/api/v1/runs/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    client.force_login(world.bob)
    assert client.get("/api/v1/runs/").status_code == 200
    cache.clear()
