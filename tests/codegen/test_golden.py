"""Golden sources: what is printed for a few networks, word by word. RENEW_GOLDEN=1 in the environment renews them."""

import os
from pathlib import Path

import pytest

from architectures.ir.graph import Graph
from codegen.sources.preview import preview
from codegen.sources.repository import sources
from tests.codegen.networks import every_primitive, request, sampled, small

GOLDEN = Path(__file__).parents[1] / "golden"
NETWORKS = {
    "small": small(),
    "every_primitive": every_primitive(),
    "chain": sampled(5, "chain", (1, 8, 8)),
    "cell201": sampled(2, "cell201", (3, 32, 32)),
    "mobile": sampled(3, "mobile", (3, 32, 32)),
}


def agrees(path: Path, text: str) -> bool:
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(("name", "graph"), NETWORKS.items(), ids=NETWORKS)
def test_the_source_is_the_golden_one(name: str, graph: Graph) -> None:
    assert agrees(GOLDEN / f"{name}.py", preview(graph).files["model.py"]), "RENEW_GOLDEN=1 renews it, if it is meant"


def test_the_model_card_is_the_golden_one() -> None:
    readme = sources(request(), small(), ("onnx",)).text("README.md")
    assert agrees(GOLDEN / "small.md", readme), "RENEW_GOLDEN=1 renews it, if it is meant"
