"""From a request to the sources of its repository: no torch, no clock, no disk. generate.py adds what is executed."""

import json
from importlib.metadata import version
from typing import Any

from architectures.drawing import svg
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.ir.json import to_document
from codegen.escaping import quoted, slug
from codegen.licences import LICENCES, text_of
from codegen.repository_request import STANDARD, RepositoryRequest
from codegen.skeletons import skeleton
from codegen.sources.dockerfile import dockerfile
from codegen.sources.model_card import card
from codegen.sources.preview import preview
from codegen.sources.target_advice import advice_for
from codegen.sources.tree import SourceTree
from nasportal.lib.installation import portal_version

RUN = ("onnxruntime", "numpy", "Pillow")
TRAIN = ("torch", "safetensors", "onnx", "onnxscript", "pytest", "ruff")
READERS = {"digits": ("scikit-learn",), "svhn": ("scikit-learn",)}
RECIPE = (
    "epochs",
    "batch_size",
    "learning_rate",
    "warmup",
    "optimizer",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "augmentation",
    "seed",
)


def sources(request: RepositoryRequest, graph: Graph, exports: tuple[str, ...] = ()) -> SourceTree:
    """Every text of the repository that depends on the request alone."""
    files = {path: text for path, text in skeleton().items() if not path.startswith("exports/")}
    files |= preview(graph).files
    files["README.md"] = card(request, graph, exports)
    files["Dockerfile"] = dockerfile(exports)
    files["LICENSE"] = text_of(request.licence, request.author)
    files["pyproject.toml"] = files["pyproject.toml"].replace('"found-network"', quoted(slug(request.name)))
    files["pyproject.toml"] = files["pyproject.toml"].replace('"MIT"', quoted(LICENCES[request.licence].spdx))
    files["config.json"] = dumped(configuration(request, graph))
    files["architecture.json"] = dumped(to_document(graph, request.architecture.get("origin")))
    files["architecture.svg"] = svg(graph)
    files["requirements.txt"] = pinned(RUN)
    files["requirements-train.txt"] = pinned((*TRAIN, *READERS.get(data_source(request) or "", ())))
    if request.benchmarks is not None:
        files["benchmarks/results.json"] = dumped(request.benchmarks)
    return SourceTree.of(files)


def configuration(request: RepositoryRequest, graph: Graph) -> dict[str, Any]:
    """What the programs of the repository read: one place for classes, normalisation and hyper-parameters."""
    channels = graph.input_shape[0]
    usual = {"scale": 255.0, "mean": [0.0] * channels, "std": [1.0] * channels}
    labels = request.data.get("labels") or range(graph.classes)
    training = {name: request.training[name] for name in RECIPE if name in request.training}
    told = ("name", "sizes", "class_counts", "sha256", "split_sha256", "resize", "augmentation")
    return {
        "name": request.name,
        "input_shape": list(graph.input_shape),
        "classes": graph.classes,
        "labels": [str(label) for label in labels],
        "normalisation": dict(request.data.get("normalisation") or usual),
        "params": complexity(graph).params,
        "data": {"source": data_source(request), **{key: request.data[key] for key in told if key in request.data}},
        "training": training,
        "max_accuracy_drop": request.max_accuracy_drop,
        "target": target(request),
    }


def data_source(request: RepositoryRequest) -> str | None:
    """Only a dataset that everybody has is named in the repository; a user's own is not part of it."""
    return request.data_path if request.data_path in STANDARD else None


def target(request: RepositoryRequest) -> dict[str, str] | None:
    """What suits the hardware that the search was for: programs take it as their default."""
    name = request.provenance.get("target")
    if not isinstance(name, str) or not name:
        return None
    advice = advice_for(name)
    return {"name": name, "backend": advice.backend, "amp": advice.amp}


def manifest(request: RepositoryRequest, graph: Graph, tree: SourceTree, left_out: dict[str, str]) -> str:
    document = {
        "format": "nas-portal/manifest",
        "version": 1,
        "made_by": f"NAS Portal {portal_version()}",
        "name": request.name,
        "fingerprint": fingerprint(graph),
        "provenance": dict(request.provenance),
        "data": {key: request.data[key] for key in ("name", "sha256", "split_sha256") if key in request.data},
        "weights": "trained" if request.weights else f"drawn at random, seed {request.seed}",
        "left_out": left_out,
        "files": {path: digest for path, digest in tree.hashes().items() if path != "MANIFEST.json"},
    }
    return dumped(document)


def pinned(names: tuple[str, ...]) -> str:
    """The versions that the gate ran; a local part such as +cpu is no version of a package index."""
    return "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in names)


def dumped(document: object) -> str:
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
