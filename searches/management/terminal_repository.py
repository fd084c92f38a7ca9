"""The repository of a search on the command line: what is asked of codegen, and the child process that writes it."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from architectures import spaces
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.json import to_document
from codegen.repository_request import Figure, Neighbour, RepositoryRequest
from codegen.sources.target_advice import exports_for
from searches import objectives
from searches.engine.executors.process_executor import environment
from searches.engine.output.run_directory import SearchFolder
from searches.evaluation.training.recipe import portable
from searches.selectors.repository_request import measured

FOLDER, REQUEST, LOG = "repository", "request.json", "generate.log"


class GateFailed(RuntimeError):
    """The repository was written, but it does not hold what it promises."""


def request_of(folder: SearchFolder, front: Mapping[str, Any]) -> RepositoryRequest:
    """For the chosen candidate; an equal search gives an equal request."""
    assert folder.header is not None
    spec, data = front["spec"], folder.header["data"]
    chosen = next(entry for entry in front["front"] if entry["number"] == front["chosen"])
    line = next(entry for entry in folder.evaluations(front["fidelity"]) if entry["number"] == front["chosen"])
    space = spaces.create(spec["space"], data["input_shape"], data["classes"], **spec["space_options"])
    graph = space.decode(tuple(chosen["genotype"]))
    origin = {"space": spec["space"], "options": spec["space_options"], "genotype": chosen["genotype"]}
    weights = line["files"]["weights"]
    return RepositoryRequest(
        name=f"{data['name']} {spec['algorithm']} {chosen['number']}"[:200],
        architecture=to_document(graph, origin=origin),
        weights=str((folder.path / weights["path"]).absolute()),
        weights_sha256=weights["sha256"],
        seed=spec["seed"],
        data=data,
        data_path=spec["dataset"],
        training=portable(spec["training"] | {"epochs": chosen["fidelity"]}),
        exports=exports_for(spec["target"]),
        results=figures(chosen, line, complexity(graph), spec["target"]),
        objectives=tuple(objectives.facts(spec["objectives"])),
        front=tuple(
            Neighbour(entry["number"], entry["values"], entry["number"] == chosen["number"]) for entry in front["front"]
        ),
        provenance={
            "candidate": chosen["number"],
            "fingerprint": chosen["fingerprint"],
            "parents": line["parents"],
            "change": line["change"],
            "algorithm": spec["algorithm"],
            "algorithm_options": spec["algorithm_options"],
            "evaluations": front["evaluations"],
            "seed": spec["seed"],
            "target": spec["target"],
            "history_sha256": front["history_sha256"],
            "machine": folder.header["machine"],
        },
    )


def figures(chosen: Mapping[str, Any], line: Mapping[str, Any], counts: Complexity, target: str) -> tuple[Figure, ...]:
    found = [*measured(line["values"], counts, target)]
    if chosen["test_accuracy"] is not None:
        note = "test split, read once, after the choice"
        found.append(Figure("test_accuracy", chosen["test_accuracy"], note=note))
    return tuple(found)


def write_repository(
    folder: SearchFolder, front: Mapping[str, Any], told: Callable[[str], None], licence: str, author: str
) -> Path:
    """Generates and examines it in a child process, with torch; GateFailed names the checks that failed."""
    request = folder.path / REQUEST
    asked = replace(request_of(folder, front), licence=licence, author=author)
    request.write_text(asked.dumps() + "\n", encoding="utf-8")
    command = (sys.executable, "-m", "codegen.generate", str(request), str(folder.path), "--folder", FOLDER)
    last: dict[str, Any] = {}
    with (
        (folder.path / LOG).open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment()) as child,
    ):
        assert child.stdout is not None
        try:
            for row in child.stdout:
                last = json.loads(row)
                if last["kind"] == "progress":
                    told(f"code: {last['message']}")
        except BaseException:
            child.kill()
            raise
    if last.get("kind") == "verdict" and last["verdict"]["verdict"] == "passed":
        return folder.path / FOLDER
    raise GateFailed(reason_of(last, child.returncode))


def reason_of(last: Mapping[str, Any], code: int) -> str:
    if last.get("kind") == "error":
        return f"the repository cannot be written: {last['message']}"
    if last.get("kind") != "verdict":
        return f"the generator ended early with exit code {code}"
    failed = [f"{check['name']}: {check['detail']}" for check in last["verdict"]["checks"] if not check["passed"]]
    return "the repository does not pass its gate: " + "; ".join(failed)
