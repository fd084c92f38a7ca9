"""What is advised for a target: every one has an advice, and the model card says what fits."""

import pytest

from codegen.sources.repository import configuration, sources
from codegen.sources.target_advice import CPU, GPU, SMALL, Advice, advice_for, exports_for
from profiling import targets
from tests.codegen.networks import request, small


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("microcontroller", SMALL), ("gpu", GPU), ("jetson", GPU), ("phone", CPU), ("server_cpu", CPU),
        ("this_machine", CPU), ("raspberry_pi_4", CPU), ("raspberry_pi_5@7", CPU),
    ],
)  # fmt: skip
def test_a_target_is_advised_by_its_numbers(target: str, advice: Advice) -> None:
    assert advice_for(target) is advice


def test_every_target_has_an_advice() -> None:
    assert all(advice_for(name) for name in targets.names())


def test_the_card_and_the_configuration_follow_the_target() -> None:
    asked = request(provenance={"target": "microcontroller"})
    readme = sources(asked, small(), ("c",)).text("README.md")
    assert "The arena takes 4,096 of 524,288 bytes of RAM" in readme
    assert ": it fits." in readme
    assert configuration(asked, small())["target"] == {"name": "microcontroller", "backend": "c", "amp": "off"}
    gpu = request(provenance={"target": "gpu"})
    assert "mixed precision" in sources(gpu, small()).text("README.md").casefold()
    assert configuration(request(), small())["target"] is None


def test_half_precision_is_for_gpus() -> None:
    assert "fp16" in exports_for("gpu")
    assert "fp16" not in exports_for("phone")
    assert "fp16" not in request().exports
    gpu = request(provenance={"target": "jetson"})
    assert "exports/fp16 holds it in half precision" in sources(gpu, small(), ("fp16",)).text("README.md")


def test_an_export_that_the_target_asks_for_and_that_is_not_here_is_said() -> None:
    asked = request(provenance={"target": "server_cpu"})
    assert "The export onnx is not here" in sources(asked, small()).text("README.md")
    assert "The export onnx is not here" not in sources(asked, small(), ("onnx",)).text("README.md")
