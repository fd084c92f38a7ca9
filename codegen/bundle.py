"""A bundle: several points of a front as variants of one archive, each a whole repository that passed its own gate."""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from architectures.ir.complexity import complexity
from codegen.escaping import markdown, slug
from codegen.generator_process import generate_in_child
from codegen.repository_request import RepositoryRequest, RequestError
from codegen.skeletons import skeleton
from codegen.sources.model_card import number
from codegen.sources.tree import SourceTree
from codegen.verification.gate import Fault, outcome, run, tail

FORMAT = "nas-portal/bundle-request"
VERSION = 1
NAMES = {
    2: ("small", "large"),
    3: ("small", "base", "large"),
    4: ("tiny", "small", "base", "large"),
    5: ("tiny", "small", "base", "large", "huge"),
}
ORDER = NAMES[max(NAMES)]
SHARED = ("LICENSE", "requirements.txt", "requirements-train.txt")
LOOK_SECONDS = 60


@dataclass(frozen=True)
class BundleRequest:
    """The requests of the variants, the smallest network first."""

    name: str
    variants: Mapping[str, RepositoryRequest]

    @classmethod
    def of(cls, name: str, requests: Sequence[RepositoryRequest]) -> "BundleRequest":
        """Names the requests by their size: small, base, large.

        Raises RequestError where a bundle has no room for so many or so few.
        """
        if len(requests) not in NAMES:
            raise RequestError("variants", f"must be {min(NAMES)} to {max(NAMES)} networks, but are {len(requests)}")
        ordered = sorted(requests, key=lambda each: (params(each), each.name))
        return cls(name, dict(zip(NAMES[len(requests)], ordered, strict=True)))

    def to_document(self) -> dict[str, Any]:
        variants = {name: request.to_document() for name, request in self.variants.items()}
        return {"format": FORMAT, "version": VERSION, "name": self.name, "variants": variants}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "BundleRequest":
        """Reads a bundle request from its JSON document.

        Raises RequestError where the variants are missing or a name is unknown.
        """
        variants = document.get("variants")
        if not isinstance(variants, Mapping) or not variants:
            raise RequestError("variants", "must be an object of repository requests by name")
        if unknown := sorted(set(variants) - set(ORDER)):
            raise RequestError("variants", f"are named {', '.join(ORDER)}, but one is {unknown[0]!r}")
        return cls(
            str(document.get("name", "")),
            {name: RepositoryRequest.from_document(each) for name, each in sorted(variants.items(), key=size)},
        )


def params(request: RepositoryRequest) -> int:
    return complexity(request.graph).params


def size(item: tuple[str, Any]) -> int:
    return ORDER.index(item[0])


def generate_bundle(request: BundleRequest, out: Path, report: Callable[[str], None]) -> dict[str, Any]:
    """Each variant in a process of its own, one after another; the answer is a verdict as of one repository."""
    started = time.monotonic()
    folder = out / slug(request.name)
    verdicts: dict[str, dict[str, Any]] = {}
    tree: dict[str, str | bytes] = dict(skeleton("bundle"))
    with tempfile.TemporaryDirectory(dir=out) as place:
        for name, asked in request.variants.items():
            verdicts[name] = generate_in_child(
                asked, Path(place) / name, name, partial(told, report, name), own_session=False
            )
            for path, content in SourceTree.read(Path(place) / name / name).files.items():
                tree[f"variants/{name}/{path}"] = content
    first = next(iter(request.variants))
    tree |= {path: tree[f"variants/{first}/{path}"] for path in SHARED}
    tree["variants.json"] = dumped(document_of(request, verdicts))
    tree["README.md"] = readme(request, verdicts)
    written = SourceTree.of(tree)
    hashes = dumped({"format": "nas-portal/manifest", "version": 1, "name": request.name, "files": written.hashes()})
    written = written.with_files({"MANIFEST.json": hashes})
    shutil.rmtree(folder, ignore_errors=True)
    written.write(folder)
    report("running every variant")
    checks = [check for name, verdict in verdicts.items() for check in of_variant(name, verdict)]
    checks += [asdict(outcome(f"--variant {name}", partial(answers, folder, name))) for name in verdicts]
    passed = all(check["passed"] for check in checks)
    verdict: dict[str, Any] = {
        "verdict": "passed" if passed else "failed",
        "name": request.name,
        "folder": folder.name,
        "checks": checks,
        "exports": [
            {**row, "name": f"{name}: {row['name']}"} for name, each in verdicts.items() for row in each["exports"]
        ],
        "left_out": {
            f"{name}: {what}": why for name, each in verdicts.items() for what, why in each["left_out"].items()
        },
        "first_differences": {},
        "variants": {name: each.get("benchmark") for name, each in verdicts.items()},
        "archive": None,
    }
    if passed:
        archive = out / f"{slug(request.name)}.zip"
        verdict |= {"archive": archive.name, "sha256": written.zip(archive, slug(request.name))}
        verdict["size_bytes"] = archive.stat().st_size
    verdict["seconds"] = round(time.monotonic() - started, 2)
    (out / "verdict.json").write_text(json.dumps(verdict, indent=1) + "\n", encoding="utf-8")
    return verdict


def told(report: Callable[[str], None], name: str, text: str) -> None:
    report(f"{name}: {text}")


def of_variant(name: str, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    failed = [check for check in verdict["checks"] if not check["passed"]]
    if not failed:
        return [{"name": name, "passed": True, "detail": f"{len(verdict['checks'])} checks of its own gate"}]
    return [{**check, "name": f"{name}: {check['name']}"} for check in failed]


def answers(folder: Path, variant: str) -> str:
    """Runs the bundle's program with the variant and returns what it answers. Raises Fault where it fails."""
    import numpy as np

    shape = json.loads((folder / "variants" / variant / "config.json").read_text(encoding="utf-8"))["input_shape"]
    backend = "onnx" if (folder / "variants" / variant / "exports" / "model.onnx").exists() else "torch"
    with tempfile.TemporaryDirectory() as place:
        np.save(f"{place}/image.npy", np.zeros(shape, np.float32))
        command = [sys.executable, "inference.py", "--variant", variant, f"{place}/image.npy", "--backend", backend]
        done = run([*command, "--json"], folder, LOOK_SECONDS)
    if done.returncode:
        raise Fault(tail(done.stdout + done.stderr))
    label = json.loads(done.stdout)[0]["classes"][0]["label"]
    return f"inference.py answers ({label!r} for an empty image)"


def document_of(request: BundleRequest, verdicts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    names = list(request.variants)
    variants = {
        name: {
            "params": params(asked),
            "archive_sha256": verdicts[name].get("sha256"),
            "figures": {figure.name: figure.value for figure in asked.results},
        }
        for name, asked in request.variants.items()
    }
    return {"default": "base" if "base" in names else names[0], "variants": variants}


def readme(request: BundleRequest, verdicts: Mapping[str, Mapping[str, Any]]) -> str:
    figures = dict.fromkeys(figure.name for asked in request.variants.values() for figure in asked.results)
    shown = [name for name in figures if name not in ("params", "flops")]
    heads = ["variant", "parameters", "multiply-adds", *(name.replace("_", " ") for name in shown)]
    lines = [f"# {markdown(request.name)}", "", "Points of one Pareto front: each trades one figure for another.", ""]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, asked in request.variants.items():
        values = {figure.name: f"{number(figure.value)} {figure.unit}".strip() for figure in asked.results}
        counted = complexity(asked.graph)
        cells = [f"`{name}`", f"{counted.params:,}", f"{counted.macs:,}", *(values.get(each, "—") for each in shown)]
        lines.append(f"| {' | '.join(cells)} |")
    chosen = document_of(request, verdicts)["default"]
    return "\n".join([*lines, "", USAGE.format(variant=next(iter(request.variants)), default=chosen)])


USAGE = """\
```sh
pip install -r requirements.txt
python inference.py --variant {variant} picture.png
python train.py --variant {variant} --smoke          # after: pip install -r requirements-train.txt
python deploy.py --variant {variant} verify
```

Without `--variant` it is `{default}`. Each folder below `variants/` is a whole repository with its own tests and
certificate; it may be taken out and used alone.
"""


def dumped(document: object) -> str:
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
