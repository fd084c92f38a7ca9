"""`manage.py generate ARCHITECTURE.json … --out DIR`: the repository of a network, with its gate. No database.

Two to five architectures become a bundle: one archive that holds them as variants, named by their size.
"""

import json
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from codegen import frameworks, licences
from codegen.bundle import BundleRequest
from codegen.generator_process import GeneratorDied, generate_in_child
from codegen.repository_request import RepositoryRequest, RequestError
from searches.evaluation import datasets

BAD_INPUT, GATE_FAILED = 2, 4


class Command(BaseCommand):
    """Writes the repository to DIR and its archive beside it, DIR.zip."""

    help = "Writes the repository of a network: sources, weights, exports that agree, and the gate's verdict."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("architecture", type=Path, nargs="+", metavar="ARCHITECTURE.json")
        text = "safetensors file, one per architecture; without it, the weights are drawn from the seed"
        parser.add_argument("--weights", type=Path, nargs="+", metavar="FILE", help=text)
        parser.add_argument(
            "--frameworks", help=f"separated by commas: {', '.join(frameworks.exports())} (pytorch is always there)"
        )
        parser.add_argument("--dataset", help="dataset of the search, for labels, int8 calibration and accuracy")
        parser.add_argument("--name", help="name of the repository (default: name of the folder)")
        parser.add_argument("--licence", default=licences.DEFAULT, choices=list(licences.LICENCES))
        parser.add_argument("--author", default="", help="holder of the rights, for the file LICENSE")
        parser.add_argument("--seed", type=int, default=0, help="seed of weights that are not given")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="folder for the repository; it must be new or empty"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the verdict of the gate as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 passed, 2 bad input, 4 the gate failed.

        Raises CommandError with the exit code unless it is 0.
        """
        out: Path = options["out"].absolute()
        try:
            check_free(out)
            request = asked_of(options)
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=out.parent, prefix=".generate-") as folder:
                verdict = generate_in_child(request, Path(folder), out.name, say)
                deliver(Path(folder), out, verdict)
        except (RequestError, datasets.DataSetError, OSError, ValueError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except GeneratorDied as error:
            raise CommandError(str(error), returncode=GATE_FAILED) from error
        if options["as_json"]:
            print(json.dumps(verdict, allow_nan=False))
        for check in verdict["checks"]:
            say(f"{'passed' if check['passed'] else 'FAILED'}  {check['name']}: {check['detail']}")
        for name, reason in verdict["left_out"].items():
            say(f"left out  {name}: {reason}")
        if verdict["verdict"] != "passed":
            raise CommandError(f"the gate failed; {out} is for looking at, not for use", returncode=GATE_FAILED)
        say(f"{out} ({verdict['seconds']} s), archive {out}.zip, sha256 {verdict['sha256']}")


def asked_of(options: dict[str, Any]) -> RepositoryRequest | BundleRequest:
    """Reads the request of one repository or of a bundle.

    Raises RequestError where weights and architectures differ in number.
    """
    paths, weights = options["architecture"], options["weights"] or [None] * len(options["architecture"])
    if len(weights) != len(paths):
        raise RequestError("weights", f"must be one for each of {len(paths)} architectures, but are {len(weights)}")
    name = options["name"] or options["out"].absolute().name
    if len(paths) == 1:
        return request_of(paths[0], weights[0], name, options)
    each = [
        request_of(*pair, f"{name} {number}", options)
        for number, pair in enumerate(zip(paths, weights, strict=True), 1)
    ]
    return BundleRequest.of(name, each)


def request_of(path: Path, weights: Path | None, name: str, options: dict[str, Any]) -> RepositoryRequest:
    """Reads the request of one repository. Raises RequestError where the architecture cannot be read."""
    try:
        architecture = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError("architecture", f"cannot be read from {path}: {error}") from error
    if not isinstance(architecture, dict):
        raise RequestError("architecture", f"must be a JSON object, but {path} holds another value")
    chosen = options["frameworks"].split(",") if options["frameworks"] else frameworks.usual()
    names = tuple(name.strip() for name in chosen if name.strip() != "pytorch")
    dataset = options["dataset"]
    return RepositoryRequest(
        name=name,
        architecture=architecture,
        weights=str(weights.absolute()) if weights else None,
        seed=options["seed"],
        author=options["author"],
        licence=options["licence"],
        data=datasets.open(dataset).card() if dataset else {},
        data_path=dataset if dataset in (None, *datasets.names()) else str(Path(dataset).absolute()),
        exports=names,
    )


def check_free(out: Path) -> None:
    """Refuses a folder that holds anything but a generated repository. Raises RequestError where it does."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "MANIFEST.json").exists())):
        raise RequestError("--out", f"must be a new or empty folder, or a generated repository, but is {out}")


def deliver(folder: Path, out: Path, verdict: dict[str, Any]) -> None:
    if out.exists():
        shutil.rmtree(out)
    (folder / verdict["folder"]).rename(out)
    if verdict["archive"]:
        (folder / verdict["archive"]).replace(out.with_name(f"{out.name}.zip"))


def say(text: str) -> None:
    print(text, file=sys.stderr)
