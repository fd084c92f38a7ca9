"""The contract of every framework: it covers every primitive, what it prints compiles, and computes the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from architectures.ir.graph import Graph
from architectures.ir.primitives import KINDS
from codegen import extras, frameworks
from codegen.frameworks import c
from codegen.generate import Generation, reference_module
from codegen.printing.dialect import Dialect, covers
from codegen.skeletons import skeleton
from codegen.sources.tree import SourceTree
from tests.codegen.networks import every_primitive, request, sampled

# Exporters of other projects take seconds: the gate of a whole generation examines them in tests/codegen.
PRINTED = [
    name
    for name in frameworks.names()
    if frameworks.get(name)().sources(every_primitive()) and not frameworks.get(name).extra
]
# These import a framework in a process of their own, which takes seconds.
EXECUTED = [pytest.param(name, marks=pytest.mark.slow) if name in ("fp16", "keras") else name for name in PRINTED]
QUANTISED = {
    "c_int8": 0.1,
    "fp16": 1e-2,
}  # what its differences may be: judged by the answers on real images, in a whole generation
TOLERANCE = 1e-4
PRUNED = {"Identity"}  # a graph that is printed holds none

COMPARE = """
import numpy, certificate, deploy
name = {name!r}
if name != "pytorch":
    deploy.exporters()[name](None)
images, expected = certificate.golden()
logits = certificate.runner(name, certificate.artefacts()[name])(images)
print(float(numpy.abs(logits - expected).max() / max(1.0, numpy.abs(expected).max())))
"""


def difference(graph: Graph, name: str, folder: Path) -> float:
    """The largest difference of logits to the searched network, by their scale, as the repository runs it."""
    asked = request(graph, seed=3)
    reference = reference_module(asked, graph)
    for key, value in reference.state_dict().items():
        if "running" in key or key.endswith("norm.weight"):  # as after a training: fresh ones hide faults
            value.uniform_(0.5, 1.5)
    Generation(asked, folder, lambda message: None).write(reference)
    SourceTree.of(frameworks.get(name)().sources(graph)).write(folder)
    for needed in frameworks.get(name).needs:
        said(sys.executable, f"import deploy; deploy.EXPORTERS[{needed!r}](None)", folder)
    return float(said(str(extras.interpreter(name) or sys.executable), COMPARE.format(name=name), folder).split()[-1])


def said(interpreter: str, program: str, folder: Path) -> str:
    done = subprocess.run([interpreter, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXECUTED)
def test_it_computes_every_primitive_as_torch_does(name: str, tmp_path: Path) -> None:
    assert difference(every_primitive(), name, tmp_path) <= QUANTISED.get(name, TOLERANCE)


@pytest.mark.parametrize("name", EXECUTED)
@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in (1, 2))])
def test_it_computes_random_networks_as_torch_does(name: str, number: int, tmp_path: Path) -> None:
    assert difference(sampled(number, shape=(3, 17, 23)), name, tmp_path) <= QUANTISED.get(name, TOLERANCE)


@pytest.mark.parametrize("name", extras.names())
def test_an_extra_computes_every_primitive_as_torch_does(name: str, tmp_path: Path) -> None:
    if extras.interpreter(name) is None:
        pytest.skip(extras.missing(name))
    assert difference(every_primitive(), name, tmp_path) <= TOLERANCE


def test_what_an_extra_adds_is_tidy_python(tmp_path: Path) -> None:
    """Where it is not installed, it is read at least."""
    (tmp_path / "pyproject.toml").write_text(skeleton()["pyproject.toml"], encoding="utf-8")
    for number, graph in enumerate((every_primitive(), sampled(1), sampled(2, "cell201"))):
        for name in extras.names():
            SourceTree.of(frameworks.get(name)().sources(graph)).write(tmp_path / f"network{number}")
    for check in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *check, tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_an_extra_pins_what_it_is_made_with() -> None:
    for name in extras.names():
        assert "==" in frameworks.get(name).requirements[0], name


def test_the_network_with_every_primitive_has_every_primitive() -> None:
    assert {node.primitive.kind for node in every_primitive().nodes} | PRUNED == set(KINDS)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"Input"}))
def test_each_printer_has_a_rule_for_each_primitive(kind: str) -> None:
    primitive = KINDS[kind]
    assert c.lines.dispatch(primitive) is not c.lines.dispatch(object)
    assert all(covers(words, primitive) for words in Dialect.__subclasses__())


@pytest.mark.parametrize("name", frameworks.names())
def test_it_says_what_it_is_and_what_it_adds(name: str) -> None:
    framework = frameworks.get(name)
    assert framework.title
    assert framework.files
    assert set(framework.needs) <= set(frameworks.names())


@pytest.mark.parametrize("name", PRINTED)
def test_the_same_network_is_printed_in_the_same_words(name: str) -> None:
    assert frameworks.get(name)().sources(sampled(1)) == frameworks.get(name)().sources(sampled(1))


def test_the_arena_is_as_small_as_the_values_that_live_at_once() -> None:
    """First fit may waste; more than a third over the peak of live values would be a fault of the plan."""
    from architectures.ir.complexity import complexity
    from codegen.passes.fusion import fused
    from codegen.printing.arena import plan

    shares = []
    for number in range(20):
        graph = fused(sampled(number))
        arena = plan(graph, {"input": "image", graph.output.name: "logits"}, c.reuses)
        shares.append(4 * arena.size / complexity(graph).activation_peak_bytes)
    assert max(shares) <= 4 / 3
    assert np.mean(shares) <= 1.05
