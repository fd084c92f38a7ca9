"""Named places where a test kills the process: after a claim, before a commit, between two writes of a file.

NASPORTAL_CRASH_POINT=before-commit:3 kills the process that comes by for the third time, whichever it is, and only
once. The passes are counted in NASPORTAL_CRASH_FOLDER, so that the count goes on after a restart. The portal's own
settings take both variables out of the environment: in production no place is named. Standard library only, since
the engine passes here, too.
"""

import os
import signal
from pathlib import Path

POINT = "NASPORTAL_CRASH_POINT"
FOLDER = "NASPORTAL_CRASH_FOLDER"


def crash_point(name: str) -> None:
    """Kills this process as `kill -9` would, if this is the place and the time that a test has named."""
    named, _, turn = os.environ.get(POINT, "").partition(":")
    if named != name or not os.environ.get(FOLDER):
        return
    tally = Path(os.environ[FOLDER]) / name
    with tally.open("ab") as passes:
        passes.write(b".")
        count = passes.tell()
    if count == int(turn):
        os.kill(os.getpid(), signal.SIGKILL)


def disarm() -> None:
    """Forgets what the environment says, for this process and its children."""
    os.environ.pop(POINT, None)
    os.environ.pop(FOLDER, None)
