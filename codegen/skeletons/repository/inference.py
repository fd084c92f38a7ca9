"""Classify pictures or .npy arrays: `python inference.py picture.png`. ONNX Runtime by default; torch is not needed."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data import LABELS, DataError, Floats, read_inputs

ROOT = Path(__file__).parent
EXPORTS = {"onnx": ROOT / "exports" / "model.onnx", "int8": ROOT / "exports" / "model.int8.onnx"}

Predict = Callable[[Floats], Floats]  # images (N, C, H, W), normalised, to logits (N, classes)


class BackendError(ValueError):
    """A backend that this copy of the repository cannot run."""


def backend(name: str) -> Predict:
    if name == "torch":
        return torch_backend()
    if name not in EXPORTS:
        raise BackendError(f"the backends are {', '.join([*EXPORTS, 'torch'])}, but you asked for {name}")
    if not EXPORTS[name].exists():
        raise BackendError(f"there is no {EXPORTS[name].name}; make it with: python deploy.py export {name}")
    return onnx_backend(EXPORTS[name])


def onnx_backend(path: Path, threads: int = 0, level: str = "ORT_ENABLE_ALL") -> Predict:
    """A session of ONNX Runtime; 0 threads means as many as it likes. `level` says what it may join and move."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(images: Floats) -> Floats:
        logits: Floats = session.run(None, {name: images})[0]
        return logits

    return predict


def torch_backend() -> Predict:
    import torch

    from model import load

    model = load()

    def predict(images: Floats) -> Floats:
        with torch.inference_mode():
            logits: Floats = model(torch.from_numpy(images)).numpy()
        return logits

    return predict


def probabilities(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    shares: Floats = powers / powers.sum(1, keepdims=True)
    return shares


def ranked(shares: Floats, top: int) -> list[list[dict[str, Any]]]:
    """For each image its likeliest classes."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    return [
        [{"label": LABELS[index], "class": int(index), "probability": float(row[index])} for index in indices]
        for row, indices in zip(shares, order, strict=True)
    ]


def classify(files: Iterable[Path], predict: Predict, top: int, batch: int) -> list[dict[str, Any]]:
    answers = []
    for file in files:
        images = read_inputs(file)
        logits = np.concatenate([predict(images[start : start + batch]) for start in range(0, len(images), batch)])
        for index, classes in enumerate(ranked(probabilities(logits), top)):
            answers.append({"file": str(file), "index": index, "classes": classes})
    return answers


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="pictures, or .npy files of one or more images")
    parser.add_argument("--backend", default="onnx", choices=[*EXPORTS, "torch"])
    parser.add_argument("--top", type=int, default=3, help="classes to name for each image")
    parser.add_argument("--batch", type=int, default=64, help="images at a time")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    chosen = arguments(argv)
    try:
        answers = classify(chosen.files, backend(chosen.backend), max(1, chosen.top), max(1, chosen.batch))
    except (DataError, BackendError, OSError) as error:
        print(f"inference: {error}", file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(answers, indent=1))
        return 0
    for answer in answers:
        named = ", ".join(f"{each['label']} {each['probability']:.1%}" for each in answer["classes"])
        print(f"{answer['file']}[{answer['index']}]: {named}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
