"""Child processes: what they say, how they end, and that nothing of them is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nasportal.lib import child_process
from nasportal.lib.child_process import ChildProcess, DeadlineReached
from tests.support.portal import ROOT


def child(program: str, log: Path, **more: object) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", program], log=log / "log", **more)  # type: ignore[arg-type]


def has_ended(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_it_is_heard_line_by_line_and_what_else_it_prints_is_logged(tmp_path: Path) -> None:
    said = '{"n": 1}\nnoise\n{"n": 2}\n{"cut'
    program = f"import sys; print({said!r}, end=''); print('why', file=sys.stderr)"
    with child(program, tmp_path) as running:
        assert list(running.documents()) == [{"n": 1}, {"n": 2}]
        assert running.process.returncode == 0
    assert running.logged() == "why\n"


def test_a_silent_child_gives_a_beat(tmp_path: Path) -> None:
    with child("import time; time.sleep(60)", tmp_path) as running:
        began = time.monotonic()
        assert next(running.lines(beat=0.1)) is None
        assert time.monotonic() - began < 5


def test_a_busy_child_gives_beats_between_its_lines(tmp_path: Path) -> None:
    with child("while True: print(1, flush=True)", tmp_path) as running:
        assert None in (line for line, _ in zip(running.lines(beat=0.05), range(10**6), strict=False))


def test_a_child_that_does_not_end_in_time_is_said_and_stopped(tmp_path: Path) -> None:
    with (
        child("import time; time.sleep(60)", tmp_path) as running,
        pytest.raises(DeadlineReached, match=r"did not end within 0\.2 s"),
    ):
        list(running.lines(beat=0.1, deadline=0.2))
    assert running.process.returncode == -signal.SIGKILL


def test_the_log_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "LOG_BYTES", 1000)
    with child("import sys; sys.stderr.write('x' * 100_000)", tmp_path) as running:
        assert list(running.lines()) == []
    assert len(running.logged()) == 1000


def test_stopping_it_ends_its_whole_session(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "below = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(below.pid, flush=True)\n"
        "time.sleep(60)"
    )
    with child(program, tmp_path) as running:
        below = next(line for line in running.lines() if line)
    assert has_ended(running.pid)
    assert has_ended(int(below))


def test_reading_ends_with_the_child_though_an_orphan_of_it_holds_the_pipe(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('over', flush=True)"
    )
    began = time.monotonic()
    with child(program, tmp_path) as running:
        assert list(running.lines()) == [b"over"]
    assert time.monotonic() - began < 20


def test_it_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with child(program, tmp_path) as running:
        next(running.lines())
        assert running.stop(grace=10.0) == 7


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from nasportal.lib.child_process import ChildProcess\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"child = ChildProcess(command, log=Path({str(tmp_path)!r}, 'log'))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not has_ended(pid, seconds=0.3)
        parent.kill()
    assert has_ended(pid)


def test_what_it_is_given_stands_on_its_input_and_its_channel_is_apart_from_what_it_prints(tmp_path: Path) -> None:
    channel = os.pipe()
    program = f"import os, sys; print('printed'); os.write({channel[1]}, sys.stdin.read().encode() + b'\\n')"
    with child(program, tmp_path, document=b"asked", channel=channel) as running:
        assert list(running.lines()) == [b"asked"]
    assert running.logged() == "printed\n"


@pytest.mark.parametrize("own_session", [True, False])
def test_it_has_a_session_of_its_own_unless_it_shall_share_ours(tmp_path: Path, own_session: bool) -> None:
    with child("import time; time.sleep(60)", tmp_path, own_session=own_session) as running:
        assert (os.getsid(running.pid) == running.pid) == own_session
