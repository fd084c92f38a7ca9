"""The repository of a search on the command line: what is asked of codegen, and the child process that writes it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from architectures import spaces
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.json import to_document
from codegen.generator_process import GeneratorDied, failed_checks, generate_in_child
from codegen.repository_request import Figure, Neighbour, RepositoryRequest, RequestError
from codegen.sources.target_advice import exports_for
from searches import objectives
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
    asked = replace(request_of(folder, front), licence=licence, author=author)
    (folder.path / REQUEST).write_text(asked.dumps() + "\n", encoding="utf-8")
    try:
        verdict = generate_in_child(
            asked, folder.path, FOLDER, lambda text: told(f"code: {text}"), log=folder.path / LOG,
            working_folder=Path.cwd(),  # against which the spec's paths are meant
        )  # fmt: skip
    except RequestError as error:
        raise GateFailed(f"the repository cannot be written: {error}") from error
    except GeneratorDied as error:
        raise GateFailed(str(error)) from error
    if verdict["verdict"] != "passed":
        raise GateFailed(f"the repository does not pass its gate: {failed_checks(verdict)}")
    return folder.path / FOLDER
