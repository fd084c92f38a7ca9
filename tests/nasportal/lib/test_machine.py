"""What the machine says of itself, and what works where it says less than Linux does."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nasportal.lib import machine
from tests.support.portal import ROOT

# What macOS lacks, taken away from each Python that finds this module on its path: the engine's and evaluators', too.
LESS_THAN_LINUX = """
import builtins, ctypes, io, os, signal
del os.sched_getaffinity
del signal.sigtimedwait

class CDLL(ctypes.CDLL):
    def __getattr__(self, name):
        if name in ("prctl", "mallopt", "malloc_trim"):
            raise AttributeError(name)
        return super().__getattr__(name)

ctypes.CDLL = CDLL
HIDDEN = ("/proc/self/status", "/proc/self/clear_refs", "/proc/self/stat", "/proc/cpuinfo", "/proc/sys/")
opened, read_link = io.open, os.readlink

def hiding(file, *rest, **more):
    if str(file).startswith(HIDDEN):
        raise FileNotFoundError(2, "not on this system", str(file))
    return opened(file, *rest, **more)

def no_namespaces(path, **more):
    if str(path).startswith("/proc/self/ns"):
        raise FileNotFoundError(2, "not on this system", str(path))
    return read_link(path, **more)

builtins.open = io.open = hiding
os.readlink = no_namespaces
"""


@pytest.fixture(scope="module")
def less(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every Python has less than Linux."""
    folder = tmp_path_factory.mktemp("less")
    (folder / "sitecustomize.py").write_text(LESS_THAN_LINUX)
    data = str(tmp_path_factory.mktemp("data"))
    return os.environ | {"PYTHONPATH": str(folder), "NASPORTAL_DATA": data, "OMP_NUM_THREADS": "1"}


def manage(less: dict[str, str], *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=less, cwd=cwd, capture_output=True, text=True, timeout=500, check=False)


def test_the_disguise_holds(less: dict[str, str]) -> None:
    program = (
        "from nasportal.lib import machine as m; "
        "print([m.has_prctl(), m.can_supervise(), m.boot_id(), m.pid_namespace(), m.private_bytes(), m.cores() > 0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=less, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[False, False, '', '', None, True]"


def test_the_project_is_sound_without_what_only_linux_has(less: dict[str, str]) -> None:
    done = manage(less, "check")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.slow
def test_it_searches_and_generates_without_what_only_linux_has(less: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = manage(
        less, "search", "--dataset", "digits", "--algorithm", "random_search", "--evaluations", "2", "--epochs", "1",
        "--objectives", "accuracy,params", "--workers", "1", "--no-repository", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads((out / "front.json").read_text())["front"]) >= 1
    sampled = manage(less, "sample", "--space", "chain", "--seed", "1", "--out", str(tmp_path / "drawn"))
    assert sampled.returncode == 0, sampled.stderr
    (drawn,) = (tmp_path / "drawn").glob("*.json")
    made = manage(less, "generate", str(drawn), "--frameworks", "pytorch", "--out", str(tmp_path / "made"))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "made" / "MANIFEST.json").is_file()


@pytest.mark.parametrize("command", ["up", "worker"])
def test_what_supervises_processes_refuses_in_one_sentence(less: dict[str, str], command: str) -> None:
    done = manage(less, command)
    assert done.returncode == 2
    assert done.stderr.startswith("The portal needs Linux")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_this_process_is_not_gone() -> None:
    assert not machine.is_gone(machine.this_process())


def test_a_process_that_ended_is_gone_even_before_it_is_reaped() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = replace(machine.this_process(), pid=process.pid, started=machine.process_started(process.pid))
    assert not machine.is_gone(identity)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert machine.is_gone(identity)
    process.wait()
    assert machine.is_gone(identity)


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    here = machine.this_process()
    assert here.started is not None
    assert machine.is_gone(replace(here, started=here.started - 1))


@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"pid_namespace": "pid:[1]"}, {"started": None}])
def test_nothing_is_said_of_processes_elsewhere(change: dict[str, str | None]) -> None:
    assert not machine.is_gone(replace(machine.this_process(), **{"pid": 2**22 - 1, **change}))  # type: ignore[arg-type]
