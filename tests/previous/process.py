"""`python -m tests.previous.process write` or `open`: a process of its own, for its database is another one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.previous.trained import ROOT, environment

SETTINGS = "tests.previous.settings"


def told(what: str, data: Path) -> dict[str, Any]:
    """Starts the process on a data folder; the last line that it prints is its answer."""
    # Without the project's cache: its entries would depend on the kind of machine.
    own = environment(data, DJANGO_SETTINGS_MODULE=SETTINGS, NASPORTAL_CACHE_BYTES="0")
    command = [sys.executable, "-m", "tests.previous.process", what]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    import django

    django.setup()
    from tests.previous.opening import opened
    from tests.previous.writing import written

    print(json.dumps({"write": written, "open": opened}[sys.argv[1]]()))


if __name__ == "__main__":
    main()
