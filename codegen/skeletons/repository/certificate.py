"""The consistency certificate: each artefact executed on golden images and, data at hand, on the test split."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data import CONFIG, INPUT_SHAPE, DataSet, Floats, accuracy, batches, open_data, split_sha256
from inference import EXPORTS, Predict, onnx_backend, torch_backend

ROOT = Path(__file__).parent
GOLDEN = ROOT / "tests" / "golden.npz"
MANIFEST = ROOT / "MANIFEST.json"
CERTIFICATE = ROOT / "consistency.json"
LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "keras", "numpy")

QUANTISED = ("int8", "c_int8")
MOST_IN_C = 2000  # test images: plain C takes minutes for more
FLOAT_TOLERANCE = 1e-4  # times the scale of the logits
INT8_AGREEMENT = 0.99
COMPUTES = ("weights/", "exports/", "tests/golden.npz", "config.json", "architecture.json")


def golden() -> tuple[Floats, Floats]:
    """Fixed images (N, C, H, W) and the logits of the searched network for them."""
    with np.load(GOLDEN, allow_pickle=False) as arrays:
        return arrays["images"], arrays["logits"]


def artefacts() -> dict[str, Path]:
    """Every form of the network that is here, by name."""
    found = {"pytorch": ROOT / "weights" / "model.safetensors", **EXPORTS, "pt2": ROOT / "exports" / "model.pt2"}
    found |= {name: program(name).FILE for name in programs()}
    return {name: path for name, path in found.items() if path.exists()}


def programs() -> list[str]:
    """Exports with a folder of their own."""
    return sorted(path.parent.name for path in (ROOT / "exports").glob("*/run.py"))


def program(name: str) -> Any:
    """The run.py of such an export: FILE, is_runnable(), export(data), backend(); TOLERANCE, where it has its own."""
    return import_module(f"exports.{name}.run")


def runner(name: str, path: Path) -> Predict:
    if name == "pytorch":
        return torch_backend()
    if name == "pt2":
        return pt2_backend(path)
    if name in programs():
        found: Predict = program(name).backend()
        return found
    return onnx_backend(path, threads=1)


def pt2_backend(path: Path) -> Predict:
    import torch

    module = torch.export.load(path).module()

    def predict(images: Floats) -> Floats:
        with torch.inference_mode():
            logits: Floats = module(torch.from_numpy(images)).numpy()
        return logits

    return predict


def certify(
    data: str | None = None, *, renew: bool = False, known: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Runs everything; writes golden.npz (if asked to), consistency.json, CONSISTENCY.md and the manifest's hashes.

    `known` holds rows of what was executed elsewhere, in an environment of its own.
    """
    known = known or {}
    if renew:
        images = np.random.default_rng(0).standard_normal((16, *INPUT_SHAPE)).astype(np.float32)
        np.savez(GOLDEN, images=images, logits=torch_backend()(images))
    dataset = dataset_of_the_search(data)
    here = {name: path for name, path in artefacts().items() if name in known or is_runnable(name)}
    rows = [known[name] if name in known else examined(name, path, dataset) for name, path in here.items()]
    absent = {name: "what runs it is not here: it was not executed" for name in artefacts() if name not in here}
    document = {
        "verdict": "passed" if all(row["verdict"] == "passed" for row in rows) else "failed",
        "artefacts": rows,
        "left_out": json.loads(MANIFEST.read_text(encoding="utf-8")).get("left_out", {}) | absent,
        "golden_images": len(golden()[0]),
        "accuracy_on": None if dataset is None else f"test split, {len(dataset.rows['test'])} images",
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {name: found for name in LIBRARIES if (found := installed(name))},
    }
    CERTIFICATE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (ROOT / "CONSISTENCY.md").write_text(as_markdown(document), encoding="utf-8")
    renew_manifest()
    return document


def dataset_of_the_search(data: str | None) -> DataSet | None:
    """None where no data is at hand: then nothing is said about accuracy."""
    if data is None and CONFIG["data"]["source"] is None:
        return None
    dataset = open_data(data)
    expected = CONFIG["data"].get("split_sha256")
    same = expected is None or expected == split_sha256(dataset)
    return dataset if same else None


def examined(name: str, path: Path, dataset: DataSet | None) -> dict[str, Any]:
    """One artefact's row: differences, agreement, accuracy, tolerance and verdict."""
    predict = runner(name, path)
    if dataset is not None and name == "c_int8":
        dataset = DataSet(dataset.images, dataset.targets, {"test": dataset.rows["test"][:MOST_IN_C]})
    images, expected = golden()
    logits = predict(images)
    difference = np.abs(logits - expected)
    own = getattr(program(name), "TOLERANCE", FLOAT_TOLERANCE) if name in programs() else FLOAT_TOLERANCE
    tolerance = own * max(1.0, float(np.abs(expected).max()))
    row: dict[str, Any] = {
        "name": name,
        "file": path.relative_to(ROOT).as_posix(),
        "bytes": path.stat().st_size,
        "max_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "agreement": float((logits.argmax(1) == expected.argmax(1)).mean()),
        "tolerance": None if name in QUANTISED else tolerance,
        "accuracy": None if dataset is None or is_slow(name, dataset) else accuracy(predict, dataset),
    }
    if name in QUANTISED:
        row |= int8_row(predict, row, dataset)
    row["reason"] = reason(row)
    row["verdict"] = "failed" if row["reason"] else "passed"
    return row


def is_slow(name: str, dataset: DataSet) -> bool:
    """Plain C takes minutes for a large test split; its logits are compared all the same."""
    return name == "c" and len(dataset.rows["test"]) > MOST_IN_C


def int8_row(predict: Predict, row: dict[str, Any], dataset: DataSet | None) -> dict[str, Any]:
    """int8 is judged on real images: on noise its margin between two classes says nothing."""
    if dataset is None:
        return {"accuracy_drop": None}
    float32 = onnx_backend(EXPORTS["onnx"], threads=1) if EXPORTS["onnx"].exists() else torch_backend()
    pairs = [(predict(x).argmax(1), float32(x).argmax(1)) for x, _ in batches(dataset, "test")]
    agreement = float(np.mean(np.concatenate([ours == theirs for ours, theirs in pairs])))
    return {"agreement": agreement, "accuracy_drop": accuracy(float32, dataset) - row["accuracy"]}


def reason(row: dict[str, Any]) -> str:
    """Why an artefact fails; empty if it passes."""
    if row["name"] in QUANTISED:
        if row["accuracy_drop"] is None:
            return "no data at hand to judge it by"
        budget = CONFIG["max_accuracy_drop"]
        if row["accuracy_drop"] > budget:
            return f"accuracy drops by {row['accuracy_drop']:.4f}; at most {budget:g} is allowed"
        least = INT8_AGREEMENT
        return "" if row["agreement"] >= least else f"agreement is {row['agreement']:.4f}; at least {least:g} is asked"
    if not row["max_difference"] <= row["tolerance"]:
        return f"logits differ by {row['max_difference']:.3g}; at most {row['tolerance']:.3g} is allowed"
    return "" if row["agreement"] == 1.0 else f"top-1 agreement is {row['agreement']:.4f}, not 1"


def as_markdown(document: dict[str, Any]) -> str:
    lines = [
        "# Consistency certificate",
        "",
        f"Verdict: **{document['verdict']}**. Each artefact was executed on {document['golden_images']} fixed images",
        "and compared with the network that was searched and trained.",
        f"Accuracy is on: {document['accuracy_on'] or 'nothing, the data was not at hand'}.",
        "",
        "| artefact | file | bytes | max difference | mean difference | tolerance | agreement | accuracy | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in document["artefacts"]:
        tolerance = "reported" if row["tolerance"] is None else f"{row['tolerance']:.2g}"
        shown = "—" if row["accuracy"] is None else f"{row['accuracy']:.4f}"
        verdict = row["verdict"] + (f": {row['reason']}" if row["reason"] else "")
        lines.append(
            f"| {row['name']} | {row['file']} | {row['bytes']:,} | {row['max_difference']:.2e} "
            f"| {row['mean_difference']:.2e} | {tolerance} | {row['agreement']:.4f} | {shown} | {verdict} |"
        )
    lines += [f"\nLeft out: {name}: {why}" for name, why in sorted(document["left_out"].items())]
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    return "\n".join([*lines, "", f"Made on {document['machine']} with {versions}.", ""])


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def renew_manifest() -> None:
    """New hashes for the files that certify and export write."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    written = [ROOT / "weights" / "model.safetensors", GOLDEN, CERTIFICATE, ROOT / "CONSISTENCY.md"]
    written += [path for path in (ROOT / "exports").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    manifest["files"] |= {path.relative_to(ROOT).as_posix(): sha256(path) for path in written}
    manifest["files"] = dict(sorted(manifest["files"].items()))
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def changed() -> Iterator[tuple[str, str]]:
    for name, expected in json.loads(MANIFEST.read_text(encoding="utf-8"))["files"].items():
        path = ROOT / name
        if not path.exists():
            yield name, "is missing"
        elif sha256(path) != expected:
            yield name, "is not the file of the manifest"


def is_runnable(name: str) -> bool:
    """Whether what an artefact runs on is installed here."""
    if name in programs():
        return bool(program(name).is_runnable())
    return find_spec("torch" if name in ("pytorch", "pt2") else "onnxruntime") is not None


def faults() -> list[str]:
    """What computes differently from what was delivered. A file that is not the manifest's is not executed."""
    spoilt = {name: what for name, what in changed() if name.startswith(COMPUTES)}
    found = [f"{name} {what}" for name, what in spoilt.items()]
    for name, path in artefacts().items():
        if name not in QUANTISED and is_runnable(name) and not any(each.startswith(COMPUTES[:3]) for each in spoilt):
            row = examined(name, path, None)
            found += [f"{name}: {row['reason']}"] if row["reason"] else []
    return found


def notes() -> list[str]:
    """Sources that you have edited since, and what could not be executed here: allowed, and said."""
    edited = [f"{name} {what}" for name, what in changed() if not name.startswith(COMPUTES)]
    return edited + [
        f"{name} was not executed: what runs it is not here" for name in artefacts() if not is_runnable(name)
    ]
