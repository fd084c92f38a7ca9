"""Frameworks that are installed on request, each in an environment of its own: `make extra NAME=openvino`.

They would bring hundreds of megabytes and versions of their own into the portal's environment. A repository's export is
made and executed by the extra's interpreter; where there is none, it is left out with a sentence.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codegen import frameworks
from nasportal.lib.installation import ROOT, data_folder, is_checkout

SECONDS = 300


class ExtraFailed(RuntimeError):
    """The extra's interpreter did not do what it was asked; the message is the end of what it said."""


def folder_of(name: str) -> Path:
    return Path(os.environ.get("NASPORTAL_EXTRAS") or default_folder()) / name


def default_folder() -> Path:
    return ROOT / ".extras" if is_checkout() else data_folder() / "extras"


def interpreter(name: str) -> Path | None:
    path = folder_of(name) / "bin" / "python"
    return path if path.exists() else None


def names() -> list[str]:
    return [name for name in frameworks.names() if frameworks.get(name).extra]


def missing(name: str) -> str:
    command = f"make extra NAME={name}" if is_checkout() else f"python -m codegen.extras {name}"
    return f"{name} is not installed here; `{command}` puts it into an environment of its own"


def export(name: str, folder: Path, data: str | None) -> dict[str, Any]:
    """The certificate's row of an export that the repository in the folder makes and runs with the extra."""
    given = ["--data", data] if data else []
    run(name, folder, "deploy.py", "export", name, *given)
    answer = run(name, folder, "deploy.py", "row", name, *given)
    row: dict[str, Any] = json.loads(answer.strip().rpartition("\n")[2])
    return row


def run(name: str, folder: Path, *arguments: str) -> str:
    """Runs a program of the folder in the environment of an extra.

    Raises ExtraFailed where the extra is missing or the program fails.
    """
    found = interpreter(name)
    if found is None:
        raise ExtraFailed(missing(name))
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR", "DATASETS")}
    done = subprocess.run(
        [str(found), *arguments],
        cwd=folder,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise ExtraFailed(done.stderr.strip()[-1000:])
    return done.stdout


def values(name: str, folder: Path, program: str, images: Any) -> Iterator[Any]:
    """Yields what an export computes on its way: `program` gets two paths, of the images and for its arrays."""
    import numpy as np

    with tempfile.TemporaryDirectory() as place:
        np.save(f"{place}/images.npy", images)
        run(name, folder, "-c", program, f"{place}/images.npy", f"{place}/values.npz")
        with np.load(f"{place}/values.npz") as arrays:
            yield from (arrays[each] for each in arrays.files)


def install(name: str) -> None:
    needed = frameworks.get(name).requirements
    print(f"{name}: {', '.join(needed)} into {folder_of(name)}", flush=True)
    venv.create(folder_of(name), with_pip=True)
    pip = [str(folder_of(name) / "bin" / "python"), "-m", "pip", "install", "--quiet", *needed]
    subprocess.run(pip, check=True)


def main(argv: Sequence[str]) -> int:
    if len(argv) != 1 or argv[0] not in names():
        print(f"which extra? make extra NAME={'|'.join(names())}", file=sys.stderr)
        return 2
    install(argv[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
