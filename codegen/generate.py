"""`python -m codegen.generate REQUEST.json OUT [--folder NAME]`: the child that writes a repository, with torch.

OUT then holds the repository's folder, its archive `NAME.zip` and `verdict.json`. Standard output is JSON lines:
`{"kind": "progress", "step", "steps", "message"}` and at the end `{"kind": "verdict", "verdict": {…}}`, or
`{"kind": "error", "field", "message"}`. Exit code 0: passed, 2: the request cannot be followed, 4: the gate failed.
"""

import argparse
import hashlib
import importlib
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from architectures.ir.graph import Graph
from architectures.ir.verify import GraphError
from codegen import bundle, extras, frameworks
from codegen.bundle import BundleRequest, generate_bundle
from codegen.escaping import slug
from codegen.frameworks import Framework
from codegen.printing.blocks import PrintError
from codegen.repository_request import STANDARD, UPLOAD, RepositoryRequest, RequestError, read_document
from codegen.sources.dockerfile import dockerfile
from codegen.sources.model_card import card
from codegen.sources.repository import manifest, sources
from codegen.sources.tree import SourceTree
from codegen.verification.first_difference import first_difference, is_close, is_roughly_close, node_values
from codegen.verification.gate import Check, Fault, Gate, run

if TYPE_CHECKING:
    from torch import nn

GOLDEN_IMAGES = 16
SYSTEM = Path("/usr/share/datasets")  # where Debian's packages put theirs
DATA_SETS = Path(os.environ.get("NASPORTAL_DATA", "var")) / "datasets"
BENCHMARK_ROUNDS, BENCHMARK_SECONDS = 20, 120

Report = Callable[[str], None]


@dataclass
class Generation:
    """One repository on its way: request, folder, and what has been found so far."""

    request: RepositoryRequest
    folder: Path
    report: Report
    left_out: dict[str, str] = field(default_factory=dict)
    first_differences: dict[str, str] = field(default_factory=dict)  # the node, by what is left out
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)  # of the certificate, by what another interpreter ran
    kept: tuple[str, ...] = ()
    data: str | None = None  # where the data set of the search is, if the repository's own readers find it there

    def __post_init__(self) -> None:
        self.graph: Graph = self.request.graph

    def run(self) -> list[Check]:
        self.report("reading the weights")
        reference = reference_module(self.request, self.graph)
        self.report("printing the sources")
        self.write(reference)
        self.export(reference)
        self.report("comparing every artefact")
        self.certify()
        checks = []
        gate = Gate(self.folder, self.request, self.graph, reference)
        for check in gate.examine():
            checks.append(check)
            self.report(f"checked: {check.name}")
        return checks

    def write(self, reference: "nn.Module") -> None:
        from safetensors.torch import save

        tree = sources(self.request, self.graph)
        weights = {name: tensor.contiguous() for name, tensor in reference.state_dict().items()}
        tree = tree.with_files({"weights/model.safetensors": save(weights)})
        tree = tree.with_files({"MANIFEST.json": manifest(self.request, self.graph, tree, {})})
        tree.write(self.folder)
        write_golden(reference, self.graph, self.folder / "tests" / "golden.npz")

    def export(self, reference: "nn.Module") -> None:
        """Exports with the repository's own programs; a form that does not agree is removed again, with the reason."""
        deploy, certificate = imported(self.folder, "deploy"), imported(self.folder, "certificate")
        self.data = readable_data(certificate, place_of(self.request.data_path))
        for name in (name for name in frameworks.exports() if name in self.request.exports):
            self.report(f"exporting {name}")
            framework = frameworks.get(name)()
            reason = self.try_export(name, framework, deploy, certificate)
            if reason:
                self.left_out[name] = reason + self.first_difference(name, framework, reference, certificate)
                remove(self.folder, framework.files)
            else:
                self.kept = (*self.kept, name)

    def try_export(self, name: str, framework: Framework, deploy: Any, certificate: Any) -> str:
        """Exports to one form and returns why it is left out; empty if it is there and agrees."""
        missing = [needed for needed in framework.needs if needed not in self.kept]
        if missing:
            return f"it is made from {missing[0]}, which was left out"
        if framework.needs_data and self.data is None:
            return "the dataset of the search was not available to calibrate it"
        if framework.extra and extras.interpreter(name) is None:
            return extras.missing(name)
        try:
            SourceTree.of(framework.sources(self.graph)).write(self.folder)
            importlib.invalidate_caches()
            if framework.extra:
                self.rows[name] = row = extras.export(name, self.folder, self.data)
                return str(row["reason"])
            path = deploy.exporters()[name](self.data)
            # Accuracy takes long on a large test split; the certificate measures it once, for what stays.
            row = certificate.examined(
                name, path, certificate.dataset_of_the_search(self.data) if framework.needs_data else None
            )
        except Exception as error:  # an exporter of another project: whatever it raises, this export does not ship
            traceback.print_exc()
            return f"{type(error).__name__}: {error}"[:500]
        return str(row["reason"])

    def first_difference(self, name: str, framework: Framework, reference: "nn.Module", certificate: Any) -> str:
        """Names the node where an export begins to differ from the network, if the export can be run at all."""
        try:
            images, close = certificate.golden()[0], is_close
            if framework.needs_data:  # on noise its clipping says nothing
                dataset = certificate.dataset_of_the_search(self.data)
                images, close = next(certificate.batches(dataset, "test", GOLDEN_IMAGES))[0], is_roughly_close
            expected = node_values(reference, self.graph, images)
            values = list(framework.values(self.graph, self.folder, images))
            node = first_difference(self.graph, expected, values, close) if values else ""
        except Exception:  # what cannot be made, or cannot be run, has no values to compare
            traceback.print_exc()
            return ""
        if not node:
            return ""
        self.first_differences[name] = node
        return f"; the first difference appears at {node}"

    def certify(self) -> None:
        tree = SourceTree.read(self.folder)
        texts: dict[str, str | bytes] = {"README.md": card(self.request, self.graph, self.kept)}
        texts["Dockerfile"] = dockerfile(self.kept)
        tree = tree.with_files(texts)
        texts["MANIFEST.json"] = manifest(self.request, self.graph, tree, self.left_out)
        SourceTree.of(texts).write(self.folder)
        imported(self.folder, "certificate").certify(
            self.data, known={name: self.rows[name] for name in self.kept if name in self.rows}
        )


def reference_module(request: RepositoryRequest, graph: Graph) -> "nn.Module":
    """Loads the searched network with its weights, with which everything is compared.

    Raises RequestError where the weights are not those of the run or cannot be loaded.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from architectures.nets.module import build

    torch.set_num_threads(1)  # sums in one order: the same bytes each time
    module = build(graph, seed=request.seed)
    if request.weights is None:
        return module.eval()
    path = Path(request.weights)
    try:
        if request.weights_sha256 not in (None, hashlib.sha256(path.read_bytes()).hexdigest()):
            raise RequestError("weights", f"are not those of the run: {path.name} has another sha256")
        module.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RequestError("weights", f"cannot be loaded from {path.name}: {error}") from error
    return module.eval()


def place_of(path: str | None) -> str | None:
    """A standard or uploaded dataset becomes the folder where the portal, or a package of the system, keeps its files.

    How pictures get one size stands behind a path (`pets.zip?resize=pad`), and in config.json.
    """
    if path is not None and path.startswith(UPLOAD):
        return str((DATA_SETS / "uploads" / path.removeprefix(UPLOAD)).absolute())
    if path is not None and "?" in path and not Path(path).exists():
        return path.rpartition("?")[0]
    if path not in STANDARD or path == "digits":
        return path
    folders = (DATA_SETS / path, SYSTEM / path.replace("_", "-"))
    return next((str(folder.absolute()) for folder in folders if folder.is_dir()), path)


def readable_data(certificate: Any, path: str | None) -> str | None:
    """The path, if the repository reads the very splits of the search from it."""
    if path is None:
        return None
    try:
        return path if certificate.dataset_of_the_search(path) is not None else None
    except (ValueError, OSError, ImportError) as error:
        print(f"the repository cannot read the dataset: {error}", file=sys.stderr)
        return None


def write_golden(reference: "nn.Module", graph: Graph, path: Path) -> None:
    """Noise rather than pictures: nothing of a user's data leaves with the repository."""
    import numpy as np
    import torch

    images = np.random.default_rng(0).standard_normal((GOLDEN_IMAGES, *graph.input_shape)).astype(np.float32)
    with torch.inference_mode():
        logits = reference(torch.from_numpy(images)).numpy()
    np.savez(path, images=images, logits=logits)


def imported(folder: Path, name: str) -> Any:
    """A module of the repository. This process makes one repository and ends."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
    return importlib.import_module(name)


def remove(folder: Path, files: Sequence[str]) -> None:
    for path in (folder / name for name in files):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def generate(request: RepositoryRequest, out: Path, name: str | None = None, report: Report = print) -> dict[str, Any]:
    """Write folder, archive and verdict below `out`; the answer is the verdict."""
    started = time.monotonic()
    name = name or slug(request.name)
    folder = out / name
    make_room(folder)
    generation = Generation(request, folder.resolve(), report)
    checks = generation.run()
    passed = all(check.passed for check in checks)
    archive = out / f"{slug(request.name)}.zip"
    archive.unlink(missing_ok=True)
    verdict: dict[str, Any] = {
        "verdict": "passed" if passed else "failed",
        "name": request.name,
        "folder": folder.name,
        "checks": [asdict(check) for check in checks],
        "exports": json.loads((folder / "consistency.json").read_text(encoding="utf-8"))["artefacts"],
        "left_out": generation.left_out,
        "first_differences": generation.first_differences,
        "archive": None,
    }
    if passed:
        digest = SourceTree.read(folder).zip(archive, slug(request.name))
        verdict |= {"archive": archive.name, "sha256": digest, "size_bytes": archive.stat().st_size}
        report("measuring latency step by step")
        verdict["benchmark"] = benchmark(folder, generation.data)
    verdict["seconds"] = round(time.monotonic() - started, 2)
    (out / "verdict.json").write_text(json.dumps(verdict, indent=1) + "\n", encoding="utf-8")
    return verdict


def benchmark(folder: Path, data: str | None) -> dict[str, Any] | None:
    """Eager, fused, channels last, ONNX, int8, on this machine. Timings vary: they stay out of the archive."""
    command = [sys.executable, "deploy.py", "benchmark", "--json", "--rounds", str(BENCHMARK_ROUNDS)]
    command += ["--data", data] if data else []
    try:
        done = run(command, folder, BENCHMARK_SECONDS)
    except Fault:
        return None
    measured: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return measured


def make_room(folder: Path) -> None:
    """Removes a repository that was generated before and makes the folder.

    Raises RequestError where the folder holds anything else.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "MANIFEST.json").exists():
            raise RequestError("out", f"{folder.name} exists and is no generated repository; name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m codegen.generate", description="Write a repository from a request."
    )
    parser.add_argument("request", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", help="name of the repository's folder; by default the request's name")
    chosen = parser.parse_args(argv)
    done = 0

    def report(message: str) -> None:
        nonlocal done
        done += 1
        say({"kind": "progress", "step": done, "steps": steps, "message": message})

    try:
        document = read_document(chosen.request)
        if document.get("format") == bundle.FORMAT:
            asked = BundleRequest.from_document(document)
            steps = 1 + sum(3 + len(each.exports) + 9 for each in asked.variants.values())
            verdict = generate_bundle(asked, chosen.out, report)
            say({"kind": "verdict", "verdict": verdict})
            return 0 if verdict["verdict"] == "passed" else 4
        request = RepositoryRequest.from_document(document)
        steps = 3 + len(request.exports) + 9
        verdict = generate(request, chosen.out, chosen.folder, report)
    except (RequestError, GraphError, PrintError) as error:
        say({"kind": "error", "field": getattr(error, "field", "architecture"), "message": str(error)})
        return 2
    say({"kind": "verdict", "verdict": verdict})
    return 0 if verdict["verdict"] == "passed" else 4


if __name__ == "__main__":
    sys.exit(main())
