"""``manage.py profile``."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from architectures.ir import json as graph_json
from tests.searches.evaluation.worlds import small_network


@pytest.fixture
def architecture(tmp_path: Path) -> Path:
    path = tmp_path / "architecture.json"
    path.write_text(graph_json.dumps(small_network()))
    return path


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("profile", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_one_document(architecture: Path) -> None:
    document = json.loads(run(str(architecture), "--target", "phone", "--json"))
    readings = document["readings"]
    assert {name: reading["how"] for name, reading in readings.items()} == {
        "params": "counted",
        "flops": "counted",
        "memory": "counted",
        "latency": "modelled",
        "energy": "modelled",
    }
    assert readings["params"]["value"] == 178
    assert document["fits"] is True
    assert len(document["nodes"]) == 7


def test_it_prints_each_figure_with_how_it_came_about(architecture: Path) -> None:
    printed = run(str(architecture), "--estimate")
    assert "params              178 parameters counted" in printed
    assert "modelled" in printed
    assert "slowest by estimate" in printed


def test_it_measures_this_machine(architecture: Path) -> None:
    printed = run(str(architecture))
    assert "measured" in printed
    assert "raw p50" in printed


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("{}", [], "holds no architecture"),
        ("{}", ["--target", "cuda"], "cannot be measured: this machine has no NVIDIA driver"),
        ("{}", ["--batch", "0"], "must be 1 to 1024, but is 0"),
        ("{}", ["--backend", "tvm"], "must be one of eager, fused, compiled, onnxruntime"),
        ("{}", ["--target", "pi"], "no target is named 'pi'; there are cuda, gpu, gpu_large, jetson"),
        (None, [], "cannot be read"),
    ],
)
def test_bad_input_ends_with_2(content: str | None, options: list[str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=message) as refusal:
        run(str(path), *options)
    assert refusal.value.returncode == 2


@pytest.mark.slow
def test_another_backend_and_the_peak_of_a_process(architecture: Path) -> None:
    document = json.loads(run(str(architecture), "--backend", "onnxruntime", "--batch", "4", "--peak", "--json"))
    latency = document["readings"]["latency"]
    assert latency["backend"] == "onnxruntime, one thread, batch 4"
    assert latency["raw_p50_interval_ms"][0] <= latency["raw_p50_ms"] <= latency["raw_p50_interval_ms"][1]
    assert document["readings"]["peak"]["how"] == "measured"
    assert document["sizes_bytes"]["onnx"] > document["sizes_bytes"]["c99 weights"] > 0
