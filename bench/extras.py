"""The optional frameworks: five random networks of each space, exported and executed by each extra that is installed.

An extra is put into an environment of its own by `make extra NAME=…`; one that is not installed is left out by name.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from architectures.ir.json import to_document
from bench.codegen import SPACES, network
from codegen import extras, frameworks
from codegen.generate import Generation, reference_module
from codegen.repository_request import RepositoryRequest
from codegen.sources.tree import SourceTree

A_SPACE = 5
SHAPES = ((1, 8, 8), (3, 16, 16), (1, 14, 14), (3, 12, 20))


def run() -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in extras.names() if extras.interpreter(name)}
    if not found:
        return {"not_installed": extras.names()}
    for space in SPACES:
        for number in range(A_SPACE):
            with tempfile.TemporaryDirectory() as folder:
                rows = exported(network(space, 2000 + number, SHAPES), number, Path(folder), tuple(found))
            for name, row in rows.items():
                found[name].append({"network": f"{space} {number}", **row})
            print(json.dumps({space: number, **rows}), file=sys.stderr, flush=True)
    return {name: summary(rows) for name, rows in found.items()} | {
        "not_installed": [name for name in extras.names() if name not in found]
    }


def exported(graph: Graph, seed: int, folder: Path, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The certificate's row of each extra, with statistics of batch norms as after a training."""
    import torch

    asked = RepositoryRequest(f"network {seed}", to_document(graph), seed=seed, exports=())
    reference = reference_module(asked, graph)
    generator = torch.Generator().manual_seed(seed)
    for key, value in reference.state_dict().items():
        if "running" in key or key.endswith("norm.weight"):
            value.uniform_(0.5, 1.5, generator=generator)
    Generation(asked, folder, lambda message: None).write(reference)
    export_onnx = [sys.executable, "-c", "import deploy; deploy.export_onnx(None)"]
    subprocess.run(export_onnx, cwd=folder, check=True, capture_output=True)
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        SourceTree.of(frameworks.get(name)().sources(graph)).write(folder)
        started = time.perf_counter()
        try:
            row = extras.export(name, folder, None)
            rows[name] = {key: row[key] for key in ("max_difference", "agreement", "bytes", "reason")}
        except extras.ExtraFailed as error:
            rows[name] = {"reason": str(error)[-300:]}
        rows[name]["seconds"] = round(time.perf_counter() - started, 1)
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    equal = [row for row in rows if not row["reason"]]
    return {
        "networks": len(rows),
        "equal": len(equal),
        "largest_difference": max((row["max_difference"] for row in equal), default=None),
        "seconds_a_network": round(sum(row["seconds"] for row in rows) / len(rows), 1),
        "failed": [{"network": row["network"], "reason": row["reason"]} for row in rows if row["reason"]],
    }
