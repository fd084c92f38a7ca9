"""The background job of a repository, with the real generator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User

from codegen import job, services, tasks
from codegen.models import Repository, RepositoryStatus
from tests.codegen.test_generate import request
from tests.support.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codegen.services.async_task", lambda *arguments, **more: None)


@pytest.fixture
def waiting(world: World) -> Repository:
    """It can be begun, but not be finished: there are no such weights."""
    document = request(weights="/nowhere/none.safetensors").to_document()
    owner = User.objects.get(pk=world.alice.pk)
    return services.repository_request(owner=owner, name="waiting", request=document)


@contextmanager
def short(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> Iterator[None]:
    with monkeypatch.context() as patched:
        for name, value in seconds.items():
            patched.setattr(job, name, value)
        yield


@pytest.mark.slow
def test_what_cannot_be_followed_is_refused_with_its_reason(waiting: Repository) -> None:
    assert tasks.generate(waiting.pk) == f"repository {waiting.pk}: refused"
    waiting.refresh_from_db()
    assert waiting.status == RepositoryStatus.FAILED
    assert waiting.reason.startswith("weights cannot be loaded from none.safetensors")
    assert tasks.generate(waiting.pk).startswith(f"repository {waiting.pk}: nothing to do")


def test_a_generator_that_takes_too_long_is_stopped(waiting: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    with short(monkeypatch, DEADLINE_SECONDS=0.2, BEAT_SECONDS=0.1):
        tasks.generate(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.reason == "The generator did not end within 0.2 s and was stopped."


def test_a_job_whose_repository_was_deleted_leaves_nothing(
    waiting: Repository, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    claimed = services.repository_claim(repository_id=waiting.pk, seconds=60)
    assert claimed is not None
    with django_capture_on_commit_callbacks(execute=True):
        services.repository_delete(repository=waiting)
    with short(monkeypatch, BEAT_SECONDS=0.1):
        assert job.run(claimed) == "lost"
    assert not claimed.out.exists()
