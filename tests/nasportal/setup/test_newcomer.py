"""What `doctor` says of a machine that lacks something: each shortage with its way out."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now

from nasportal.setup import newcomer
from searches.models import Event
from tests.support.world import World

PLENTY = {
    "compiler": "/usr/bin/cc",
    "memory_bytes": 16 * newcomer.GIB,
    "free_disk_bytes": 100 * newcomer.GIB,
    "clock_behind_seconds": 0.0,
}


def test_a_machine_with_plenty_is_told_nothing() -> None:
    assert list(newcomer.advice(PLENTY, has_gpu=True)) == []


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"compiler": ""}, "install gcc, or set CC"),
        ({"memory_bytes": newcomer.GIB}, "set NASPORTAL_EVALUATORS=1"),
        ({"free_disk_bytes": newcomer.GIB}, "set NASPORTAL_DATA to a folder on a larger disk"),
        ({"clock_behind_seconds": 3600.0}, "The clock is 3600 s behind the newest row"),
    ],
)
def test_what_is_lacking_is_said_with_the_way_out(lacking: dict[str, object], words: str) -> None:
    (said,) = newcomer.advice({**PLENTY, **lacking}, has_gpu=True)
    assert words in said


def test_no_gpu_is_said_once(tmp_path: Path) -> None:
    (said,) = newcomer.advice(PLENTY, has_gpu=False)
    assert "searches train on the CPU" in said


def test_a_clock_behind_the_newest_event_is_found(world: World) -> None:
    assert newcomer.clock_behind_seconds() == 0.0
    newest = Event.objects.order_by("-at").first()
    assert newest is not None
    Event.objects.filter(pk=newest.pk).update(at=now() + timedelta(hours=2))
    assert newcomer.clock_behind_seconds() == pytest.approx(7200, abs=60)
