"""The PyTorch printer: what is printed computes what was searched, to the last bit, and reads well."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear
from architectures.nets.module import build
from codegen.frameworks.pytorch import print_model
from codegen.printing.blocks import PrintError
from codegen.sources.preview import preview
from tests.codegen.networks import every_primitive, sampled, small


def executed(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(compile(source, "model.py", "exec"), names)
    return names


def difference(graph: Graph, seed: int = 0) -> float:
    """The largest difference of logits, in inference and in training, after a step and a strict load of its weights."""
    searched = trained_one_step(build(graph, seed=seed), graph, seed)
    printed: nn.Module = executed(print_model(graph).source)["Model"]()
    printed.load_state_dict(searched.state_dict(), strict=True)
    images = torch.randn((2, *graph.input_shape), generator=torch.Generator().manual_seed(seed))
    worst = 0.0
    for training in (True, False):
        found = []
        for module in (searched, printed):
            torch.manual_seed(0)
            with torch.no_grad():
                found.append(module.train(training)(images))
        worst = max(worst, float((found[0] - found[1]).abs().max()))
    return worst


def trained_one_step(module: nn.Module, graph: Graph, seed: int) -> nn.Module:
    random = torch.Generator().manual_seed(seed + 1)
    images = torch.randn((4, *graph.input_shape), generator=random)
    labels = torch.randint(graph.classes, (4,), generator=random)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    loss = nn.functional.cross_entropy(module.train()(images), labels)
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert any((old != new).any() for old, new in zip(before, module.parameters(), strict=True))
    return module


@pytest.mark.slow
def test_200_random_chains_train_a_step_load_their_weights_and_give_equal_logits() -> None:
    for number in range(200):
        assert difference(sampled(number, "chain"), number) <= 1e-6, number


@pytest.mark.slow
def test_100_random_networks_of_the_other_spaces_give_equal_logits() -> None:
    for number in range(100):
        space = ("cell201", "mobile")[number % 2]
        assert difference(sampled(number, space, (1, 8, 8)), number) <= 1e-6, number


def test_every_primitive_is_printed() -> None:
    assert difference(every_primitive()) == 0


def test_the_source_is_typed_and_passes_the_linter(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"model_{number}.py").write_text(preview(sampled(number)).files["model.py"], encoding="utf-8")
    rules = "B,C4,E,F,I,PT,RUF,SIM,TID,UP,W,ANN"
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--line-length", "120"]
    done = subprocess.run(
        [*command, "--select", rules, "--ignore", "RUF002,RUF003", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_name_is_a_number_and_no_import_is_dead() -> None:
    for number in range(20):
        source = preview(sampled(number)).files["model.py"]
        assert not re.search(r"\bx\d+\b", source)
        assert ("from torch.nn import functional" in source) == ("F." in source)


def test_like_blocks_share_a_class_and_their_differences_are_its_parameters() -> None:
    builder = Builder((3, 8, 8))
    x = "input"
    for number, channels in enumerate((4, 8, 16), 1):
        with builder.scope("body"), builder.scope(f"layer{number}"):
            x = builder.add("conv", Conv2d(channels, kernel=2 * number + 1, padding=number), x)
            x = builder.add("norm", BatchNorm(), x)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(2), x)
    graph = builder.build()
    source = preview(graph).files["model.py"]
    assert source.count("nn.Conv2d(") == 1
    assert "nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)" in source
    assert "self.layer2 = Layer(4, 8, kernel=5)" in source
    assert difference(graph) == 0


def test_cells_that_repeat_are_a_loop() -> None:
    builder = Builder((1, 8, 8))
    x = builder.add("conv", Conv2d(4), "input")
    for number in range(1, 6):
        with builder.scope("stage"), builder.scope(f"cell{number}"):
            y = builder.add("norm", BatchNorm(), builder.add("conv", Conv2d(4), x))
            x = builder.add("add", Add(), y, x)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(2), x)
    graph = builder.build()
    source = preview(graph).files["model.py"]
    assert "for number in range(5):" in source
    assert "for cell in self.children():" in source
    assert difference(graph) == 0


def test_a_value_that_leaves_a_block_twice_is_returned_twice() -> None:
    builder = Builder((1, 8, 8))
    with builder.scope("first"):
        early = builder.add("conv", Conv2d(4), "input")
        late = builder.add("second", Conv2d(4), early)
    x = builder.add("add", Add(), late, early)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(2), x)
    graph = builder.build()
    assert "-> tuple[Tensor, Tensor]" in preview(graph).files["model.py"]
    assert difference(graph) == 0


def test_scopes_that_wait_for_each_other_are_refused_by_name() -> None:
    builder = Builder((1, 8, 8))
    with builder.scope("left"):
        first = builder.add("conv", Conv2d(4), "input")
    with builder.scope("right"):
        second = builder.add("conv", Conv2d(4), first)
    with builder.scope("left"):
        third = builder.add("other", Conv2d(4), second)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), third))
    builder.add("linear", Linear(2), x)
    with pytest.raises(PrintError, match=r"left, right.* read one another's values; give them one scope"):
        print_model(builder.build())


def test_the_preview_finds_the_lines_of_every_node() -> None:
    graph = small()
    shown = preview(graph)
    lines = shown.files["model.py"].splitlines()
    assert set(shown.lines) == {node.name for node in graph.nodes[1:]}
    made, used = shown.lines["stage1.layer1.conv"]
    assert "self.conv = nn.Conv2d(" in lines[made - 1]
    assert "self.norm(self.conv(x))" in lines[used - 1]
    for number in range(20):
        graph = sampled(number)
        shown = preview(graph)
        count = len(shown.files["model.py"].splitlines())
        assert set(shown.lines) == {node.name for node in graph.nodes[1:]}
        assert all(0 < line <= count for lines in shown.lines.values() for line in lines)


def test_the_preview_needs_no_torch_and_half_a_second_at_most() -> None:
    program = (
        "import sys, time; from tests.codegen.networks import sampled; from codegen.sources.preview import preview\n"
        "graph = sampled(3, 'chain', (3, 32, 32)); started = time.process_time(); preview(graph)\n"
        "assert time.process_time() - started < 0.5; assert not {'torch', 'onnx'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_codegen_loads_neither_torch_nor_onnx() -> None:
    modules = (
        "bundle",
        "frameworks.pytorch",
        "generate",
        "generator_process",
        "sources.model_card",
        "sources.preview",
        "sources.repository",
        "sources.tree",
        "verification.gate",
    )
    imports = "; ".join(f"import codegen.{name}" for name in modules)
    program = f"import sys; {imports}; assert not {{'torch', 'onnx', 'onnxruntime', 'numpy'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_shapes_stand_in_comments_and_constants_on_top() -> None:
    source = preview(small()).files["model.py"]
    assert "INPUT_SHAPE = (1, 8, 8)  # channels, height, width" in source
    assert "CLASSES = 3" in source
    assert "# (N, 8, 8, 8)" in source
    body = ast.parse(source).body
    assert [node.name for node in body if isinstance(node, ast.ClassDef)][-1] == "Model"
