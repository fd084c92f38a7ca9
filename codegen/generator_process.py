"""Runs `python -m codegen.generate`: torch and the repository's own modules stay out of this process."""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from codegen.repository_request import RequestError
from nasportal.lib.child_process import ROOT, ChildProcess

LOG_TAIL = 2_000  # characters


class Asked(Protocol):
    """A repository's request, or a bundle's."""

    def to_document(self) -> dict[str, Any]: ...


class GeneratorDied(RuntimeError):
    """The child ended without a verdict; the message is the end of its log."""


def start(
    request: Mapping[str, Any],
    written: Path,
    out: Path,
    *,
    log: Path,
    name: str | None = None,
    working_folder: Path = ROOT,
    own_session: bool = True,
) -> ChildProcess:
    """Start the generator of a request, which is put into the file `written`; its documents follow on its output."""
    written.write_text(json.dumps(request, sort_keys=True, allow_nan=False), encoding="utf-8")
    command = [sys.executable, "-m", "codegen.generate", str(written), str(out.resolve())]
    command += ["--folder", name] if name else []
    return ChildProcess(command, log=log, folder=working_folder, own_session=own_session)


def generate_in_child(
    request: Asked,
    out: Path,
    folder: str | None = None,
    report: Callable[[str], None] = lambda text: None,
    *,
    log: Path | None = None,
    working_folder: Path = ROOT,
    own_session: bool = True,
) -> dict[str, Any]:
    """Generate and wait; answer with the verdict. `out` holds the repository's folder, its archive and verdict.json.

    Raises RequestError for a request that cannot be followed, and GeneratorDied. A generator within a generator has
    no session of its own: stopping the outer one stops both.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        with start(
            request.to_document(),
            Path(temporary) / "request.json",
            out,
            log=log or Path(temporary) / "log",
            name=folder,
            working_folder=working_folder,
            own_session=own_session,
        ) as child:
            verdict = followed(child, report)
        if verdict is None:
            tail = child.logged()[-LOG_TAIL:].strip()
            raise GeneratorDied(f"the generator ended with code {child.process.returncode}: {tail}")
        return verdict


def followed(child: ChildProcess, report: Callable[[str], None]) -> dict[str, Any] | None:
    """Reports progress until the child ends and returns its verdict, or None where it gave none.

    Raises RequestError where the child refuses the request.
    """
    verdict = None
    for document in child.documents():
        kind = document.get("kind") if document else None
        if document is None or kind is None:
            continue  # a library that prints
        if kind == "progress":
            report(document["message"])
        elif kind == "error":
            raise RequestError(document["field"], document["message"].removeprefix(f"{document['field']} "))
        else:
            verdict = document["verdict"]
    return verdict


def failed_checks(verdict: Mapping[str, Any]) -> str:
    """Name the checks of the gate that failed, each with what it saw."""
    return "; ".join(f"{check['name']}: {check['detail']}" for check in verdict["checks"] if not check["passed"])
