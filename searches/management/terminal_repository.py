"""The repository of a search on the command line: what is asked of codegen, and the child process that writes it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from architectures import spaces
from codegen.generator_process import GeneratorDied, failed_checks, generate_in_child
from codegen.repository_request import Neighbour, RequestError
from searches.engine.output.run_directory import SearchFolder
from searches.selectors.repository_request import Delivery, request_for

FOLDER, REQUEST, LOG = "repository", "request.json", "generate.log"


class GateFailed(RuntimeError):
    """The repository was written, but it does not hold what it promises."""


def delivery_of(folder: SearchFolder, front: Mapping[str, Any]) -> Delivery:
    """Gather what the folder of a search holds about its chosen candidate."""
    assert folder.header is not None
    spec, data = front["spec"], folder.header["data"]
    chosen = next(entry for entry in front["front"] if entry["number"] == front["chosen"])
    line = next(entry for entry in folder.evaluations(front["fidelity"]) if entry["number"] == front["chosen"])
    space = spaces.create(spec["space"], data["input_shape"], data["classes"], **spec["space_options"])
    weights = line["files"]["weights"]
    return Delivery(
        name=f"{data['name']} {spec['algorithm']} {chosen['number']}",
        spec=spec,
        header=folder.header,
        graph=space.decode(tuple(chosen["genotype"])),
        origin={"space": spec["space"], "options": spec["space_options"], "genotype": chosen["genotype"]},
        number=chosen["number"],
        fingerprint=chosen["fingerprint"],
        parents=line["parents"],
        change=line["change"],
        fidelity=chosen["fidelity"],
        values=line["values"],
        test_accuracy=chosen["test_accuracy"],
        weights=(folder.path / weights["path"]).absolute(),
        weights_sha256=weights["sha256"],
        front=tuple(
            Neighbour(entry["number"], entry["values"], entry["number"] == chosen["number"]) for entry in front["front"]
        ),
        evaluations=front["evaluations"],
        history_sha256=front["history_sha256"],
    )


def write_repository(
    folder: SearchFolder, front: Mapping[str, Any], told: Callable[[str], None], licence: str, author: str
) -> Path:
    """Generates and examines it in a child process, with torch; GateFailed names the checks that failed."""
    asked = request_for(delivery_of(folder, front), author, licence)
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
