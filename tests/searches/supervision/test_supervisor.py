"""A real engine under a supervisor: killed, paused, cancelled, robbed of its lease. The history stays the same."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from nasportal.lib import shutdown
from searches import services
from searches.models import SearchRun
from searches.models.status import Status
from searches.supervision import leases
from searches.supervision import supervisor as supervisor_module
from searches.supervision.supervisor import Outcome, RunSupervisor, Timing
from tests.support import invariants
from tests.support.world import World, claim, spec

ROOT = Path(__file__).resolve().parents[3]
SMALL = {
    "evaluations": 4,
    "objectives": ["accuracy", "params", "flops"],
    "training": {"epochs": 1},
    "limits": {"max_params": 60_000, "max_flops": 3_000_000},
}
calm: list[str] = []
Script = Callable[["Steered"], None]


class Steered(RunSupervisor):
    """A supervisor with a script that is asked between two looks at the pipe, in the same thread."""

    script: Script = staticmethod(lambda supervisor: None)

    def _beat(self) -> None:
        self.script(self)
        self.looked = 0.0  # whatever a script wanted is seen before the next event is
        super()._beat()


def small_run(world: World, **changes: Any) -> SearchRun:
    return services.run_create(project=world.project, spec=spec(**SMALL | changes), name="small", by=world.alice)


def supervised(run: SearchRun, script: Script | None = None, **timing: float) -> Outcome:
    clocks = Timing(**{"lease": 10.0, "heartbeat": 0.5, "slice": 600.0} | timing)
    supervisor = Steered(claim(run), clocks)
    if script:
        supervisor.script = script
    outcome = supervisor.work()
    run.refresh_from_db()
    return outcome


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever happens to a run: its engine and evaluators are gone afterwards."""
    yield
    _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=2.0)
    assert [process.cmdline() for process in alive if "searches" in " ".join(process.cmdline())] == []


@pytest.fixture(autouse=True)
def an_event_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script is asked after each event: on a busy machine a whole run would fit between two looks."""
    monkeypatch.setattr(supervisor_module, "BATCH", 1)


@pytest.fixture(autouse=True)
def all_is_trained(settings: Any) -> None:
    """No result comes out of the project's cache."""
    settings.CACHE_BYTES = 0


@pytest.fixture
def undisturbed(world: World) -> str:
    """The history hash of the small run when nobody disturbs it; one such run is enough for all tests."""
    if not calm:
        run = small_run(world)
        assert supervised(run) is Outcome.FINISHED
        assert invariants.broken(run) == []
        calm.append(run.history_sha256)
    return calm[0]


def once(what: Callable[[Steered], bool], then: Callable[[Steered], None]) -> Script:
    """Does it the first time that the condition holds."""
    done = False

    def script(supervisor: Steered) -> None:
        nonlocal done
        if not done and what(supervisor):
            done = True
            then(supervisor)

    return script


def after(evaluations: int) -> Callable[[Steered], bool]:
    return lambda supervisor: supervisor.run.evaluations.count() >= evaluations


def killing(module: str) -> Callable[[Steered], None]:
    def kill(supervisor: Steered) -> None:
        family = psutil.Process().children(recursive=True)
        victims = [process for process in family if module in process.cmdline()]
        assert victims, f"no process runs {module}"
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)

    return kill


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [pytest.param("searches.engine", marks=pytest.mark.chain(seconds=60)), "searches.evaluation.worker"],
)
def test_a_killed_process_changes_nothing_in_the_history(world: World, undisturbed: str, module: str) -> None:
    run = small_run(world)
    assert supervised(run, once(after(1), killing(module))) is Outcome.FINISHED
    assert invariants.broken(run, history_sha256=undisturbed) == []


@pytest.mark.slow
def test_a_pause_changes_nothing_in_the_history(world: World, undisturbed: str) -> None:
    run = small_run(world)
    pause = once(after(2), lambda supervisor: services.run_pause(run=supervisor.run, by=world.bob) and None)
    assert supervised(run, pause) is Outcome.SETTLED
    assert (run.status, run.lease_until, run.progress.count()) == (Status.PAUSED, None, 0)
    services.run_resume(run=run, by=world.bob)
    assert supervised(run) is Outcome.FINISHED
    assert invariants.broken(run, history_sha256=undisturbed) == []


@pytest.mark.slow
def test_a_cancelled_run_ends_within_fifteen_seconds(world: World) -> None:
    run = small_run(world)
    asked = 0.0

    def cancel(supervisor: Steered) -> None:
        nonlocal asked
        asked = time.monotonic()
        services.run_cancel(run=supervisor.run, by=world.bob)

    assert supervised(run, once(after(1), cancel)) is Outcome.SETTLED
    assert time.monotonic() - asked < 15
    assert run.status == Status.CANCELLED
    assert run.finished is not None
    assert invariants.broken(run) == []


@pytest.mark.slow
def test_after_its_slice_a_run_waits_for_its_turn_again(world: World, undisturbed: str) -> None:
    run = small_run(world)
    assert supervised(run, slice=4.0) in (Outcome.SETTLED, Outcome.FINISHED)
    while run.status == Status.QUEUED:
        supervised(run)
    assert invariants.broken(run, history_sha256=undisturbed) == []


@pytest.mark.slow
def test_a_supervisor_that_is_told_to_stop_gives_its_run_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(world)
    monkeypatch.setattr(shutdown, "_requested", shutdown.RawValue("b", 0))
    assert supervised(run, once(after(1), lambda supervisor: shutdown.request())) is Outcome.SETTLED
    assert (run.status, run.lease_until) == (Status.QUEUED, None)


@pytest.mark.slow
def test_a_supervisor_without_its_lease_writes_nothing_more(world: World) -> None:
    run = small_run(world)

    def rob(supervisor: Steered) -> None:
        SearchRun.objects.filter(pk=run.pk).update(lease_until=None)
        assert leases.run_claim(owner="other/2", seconds=60, runs_at_once=9, run_id=run.pk)
        self_seq.append(SearchRun.objects.get(pk=run.pk).seq)

    self_seq: list[int] = []
    assert supervised(run, once(after(1), rob)) is Outcome.LOST
    assert run.seq == self_seq[0]
    assert run.status == Status.RUNNING


def test_a_spec_that_the_engine_refuses_fails_the_run_in_a_sentence(world: World) -> None:
    run = small_run(world)
    SearchRun.objects.filter(pk=run.pk).update(spec=run.spec | {"dataset": "no such set"})
    assert supervised(run) is Outcome.FINISHED
    assert run.status == Status.FAILED
    assert "no dataset is named 'no such set'" in run.reason or "no such set" in run.reason
    assert run.events.last().payload == {"status": "failed", "by": "", "reason": run.reason}


def test_an_engine_that_always_dies_fails_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(world)
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", (sys.executable, "-c", "raise SystemExit(7)"))
    assert supervised(run) is Outcome.FAILED
    assert run.status == Status.FAILED
    assert run.reason.startswith("The engine ended 3 times in a row without a result (last exit code 7)")


@pytest.mark.slow
def test_data_that_changed_under_a_run_ends_it(world: World) -> None:
    run = small_run(world)
    SearchRun.objects.filter(pk=run.pk).update(header={"version": 1, "data": {"sha256": "other"}})
    assert supervised(run) is Outcome.FAILED
    assert run.reason.startswith("The search is no longer the one that began: data, spec changed. Clone the run")


@pytest.mark.slow
def test_a_run_of_an_earlier_version_goes_on_where_the_spec_lacked_fields(world: World) -> None:
    run = small_run(world)
    assert supervised(run) is Outcome.FINISHED
    calm = run.history_sha256
    again = small_run(world)
    header = run.header | {"spec": {name: value for name, value in run.header["spec"].items() if name != "max_cost"}}
    SearchRun.objects.filter(pk=again.pk).update(header=header)
    assert supervised(again) is Outcome.FINISHED
    assert again.history_sha256 == calm
    assert "max_cost" in again.header["spec"]


@pytest.mark.slow
def test_a_storm_of_kills_changes_nothing(tmp_path: Path) -> None:
    """In processes of their own: supervisor, engine and evaluators are killed, paused and frozen."""
    command = [sys.executable, "-m", "tests.chaos", "--kills", "4", "--evaluations", "6", "--seed", "3"]
    done = subprocess.run([*command, "--data", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["kills"] == 4
    assert (outcome["lost"], outcome["duplicated"], outcome["orphans"], outcome["faults"]) == (0, 0, 0, [])
    assert outcome["hash_matches"] == outcome["runs"]
