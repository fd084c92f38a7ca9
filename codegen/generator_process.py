"""Starts `python -m codegen.generate` and waits: torch and the repository's own modules stay out of this process."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from codegen.repository_request import RequestError

LOG_TAIL = 2_000  # characters


class Asked(Protocol):
    """A repository's request, or a bundle's."""

    def to_document(self) -> dict[str, Any]: ...


class GeneratorDied(RuntimeError):
    """The child ended without a verdict; the message is the end of its log."""


def generate_in_child(
    request: Asked, out: Path, folder: str | None = None, report: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """The verdict. `out` holds the repository's folder, its archive and verdict.json afterwards."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, open(Path(temporary) / "log", "w+", encoding="utf-8") as log:
        written = Path(temporary) / "request.json"
        written.write_text(json.dumps(request.to_document(), sort_keys=True, allow_nan=False), encoding="utf-8")
        command = [sys.executable, "-m", "codegen.generate", str(written), str(out.resolve())]
        command += ["--folder", folder] if folder else []
        root = Path(__file__).parents[1]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=log, text=True) as child:
            verdict = followed(child, report)
        if verdict is None:
            log.seek(0)
            raise GeneratorDied(f"the generator ended with code {child.returncode}: {log.read()[-LOG_TAIL:].strip()}")
        return verdict


def followed(child: "subprocess.Popen[str]", report: Callable[[str], None]) -> dict[str, Any] | None:
    assert child.stdout is not None
    verdict = None
    for line in child.stdout:
        if not line.startswith('{"kind": '):
            continue  # a library that prints
        document = json.loads(line)
        if document["kind"] == "progress":
            report(document["message"])
        elif document["kind"] == "error":
            raise RequestError(document["field"], document["message"].removeprefix(f"{document['field']} "))
        else:
            verdict = document["verdict"]
    return verdict
