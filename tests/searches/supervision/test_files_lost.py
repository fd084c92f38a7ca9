"""Files of a run that are gone, or whose folder takes no more: a sentence, and the same history once it is mended."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from searches import services
from searches.engine import engine_process
from searches.engine.events import SearchFinished
from searches.evaluation.files import NotWritten, read_file, write_file
from searches.models.status import Status
from searches.selectors.history import history_of
from searches.supervision.supervisor import Outcome
from tests.searches.supervision.test_supervisor import nothing_is_left, small_run, supervised, undisturbed
from tests.support import formula_engine, invariants
from tests.support.world import World, spec

__all__ = ["nothing_is_left", "undisturbed"]
Spoil = Callable[[Path], None]


@pytest.fixture
def read_only() -> Iterator[Spoil]:
    """Makes a folder read-only for everybody, root too: a mount of its own over it."""
    mounted: list[Path] = []

    def spoil(folder: Path) -> None:
        for options in (["--bind", str(folder), str(folder)], ["-o", "remount,ro,bind", str(folder)]):
            done = subprocess.run(["mount", *options], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
            mounted.append(folder)

    yield spoil
    for folder in set(mounted):
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True)  # the test may have done it


def test_a_file_that_cannot_be_written_names_itself_the_cause_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("in the way")
    with pytest.raises(NotWritten) as refused:
        write_file(tmp_path / "weights" / "a.safetensors", b"1")
    assert str(refused.value) == (
        f"a.safetensors cannot be written (File exists): resume the run once {tmp_path}/weights takes files again"
    )


def test_a_read_only_folder_is_said_and_keeps_what_it_has(tmp_path: Path, read_only: Spoil) -> None:
    write_file(tmp_path / "a", b"1")
    read_only(tmp_path)
    with pytest.raises(NotWritten, match=r"^a cannot be written \(Read-only file system\): resume the run once "):
        write_file(tmp_path / "a", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.slow
def test_a_run_whose_weights_cannot_be_kept_fails_in_a_sentence_and_goes_on_when_they_can(
    world: World, undisturbed: str
) -> None:
    run = small_run(world)
    weights = run.folder / "weights"
    weights.parent.mkdir(parents=True)
    weights.write_text("in the way")
    assert supervised(run) is Outcome.FINISHED
    assert run.status == Status.FAILED
    assert run.reason.endswith(f" cannot be written (File exists): resume the run once {weights} takes files again")
    assert "Traceback" not in run.reason
    assert "Traceback" in run.traceback
    weights.unlink()
    services.run_resume(run=run, by=world.alice)
    assert supervised(run) is Outcome.FINISHED
    assert invariants.broken(run, history_sha256=undisturbed) == []


def test_a_run_whose_folder_cannot_be_made_fails_in_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)
    run = services.run_create(project=world.project, spec=spec(), name="no folder", by=world.alice)
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    run.folder.write_text("in the way")
    assert supervised(run) is Outcome.FAILED
    assert run.status == Status.FAILED
    assert run.reason == f"File exists: resume the run once {run.folder} takes files again."
    run.folder.unlink()
    services.run_resume(run=run, by=world.alice)
    assert supervised(run) is Outcome.FINISHED
    assert invariants.broken(run, history_sha256=world.finished.history_sha256) == []


def test_a_projects_cache_that_takes_nothing_costs_a_search_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)
    run = services.run_create(project=world.project, spec=spec(), name="no cache", by=world.alice)
    run.project.cache.parent.mkdir(parents=True, exist_ok=True)
    run.project.cache.write_text("in the way")
    assert supervised(run) is Outcome.FINISHED
    assert invariants.broken(run, history_sha256=world.finished.history_sha256) == []


@pytest.mark.slow
def test_weights_that_are_lost_or_changed_are_trained_again_to_the_same_bytes(world: World) -> None:
    run = small_run(world)
    assert supervised(run) is Outcome.FINISHED
    chosen = run.evaluations.get(number=run.chosen_number)
    for path in (run.folder / "weights").iterdir():
        content = path.read_bytes()
        path.unlink()
        if path.name == chosen.weights_path.rpartition("/")[2]:
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # As it went on after its last evaluation, without what the project's searches share.
    process = engine_process.start(run.spec, history_of(run), run.folder, 1)
    last = list(process.events())[-1]
    assert process.wait() == 0
    assert isinstance(last, SearchFinished)
    assert last.history_sha256 == run.history_sha256
    read_file(run.folder / chosen.weights_path, chosen.weights_sha256)
