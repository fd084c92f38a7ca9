"""PyTorch: the graph as a `model.py` that a careful person would have written; weights load into it by name."""

from collections.abc import Iterator, Mapping

from architectures.ir import primitives
from architectures.ir.graph import Graph
from codegen.frameworks import Framework, register
from codegen.printing.dialect import Dialect
from codegen.printing.formatting import formatted
from codegen.printing.printer import Printed, print_network

LOAD = '''def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
'''


class Torch(Dialect):
    """PyTorch's words."""

    name = "PyTorch"
    tensor = "Tensor"
    bases = ("nn.Module", "nn.Module")
    layers = {
        primitives.Conv2d: "nn.Conv2d",
        primitives.BatchNorm: "nn.BatchNorm2d",
        primitives.Linear: "nn.Linear",
        primitives.MaxPool: "nn.MaxPool2d",
        primitives.AvgPool: "nn.AvgPool2d",
        primitives.Dropout: "nn.Dropout",
    }
    more = {primitives.AvgPool: ("count_include_pad=False",)}
    values = {
        primitives.Relu: "F.relu({})",
        primitives.Relu6: "F.relu6({})",
        primitives.HardSwish: "F.hardswish({})",
        primitives.HardSigmoid: "F.hardsigmoid({})",
        primitives.Sigmoid: "torch.sigmoid({})",
        primitives.Concat: "torch.cat(({}), dim=1)",
        primitives.GlobalAvgPool: "F.adaptive_avg_pool2d({}, 1)",
        primitives.Flatten: "torch.flatten({}, 1)",
        primitives.Zero: "torch.zeros_like({})",
    }
    constants = ('WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"',)
    closing = (LOAD,)

    def imports(self, text: str) -> Iterator[str]:
        yield from ("from pathlib import Path", "")
        if "torch." in text:
            yield "import torch"
        yield from ("from safetensors.torch import load_file", "from torch import Tensor, nn")
        if "F." in text:
            yield "from torch.nn import functional as F"

    def loop(self, name: str, count: int, made: str) -> Iterator[str]:
        yield f"        for number in range({count}):"
        yield f'            self.add_module(f"{name}{{number + 1}}", {made})'
        yield from ("", "    def forward(self, x: Tensor) -> Tensor:", f"        for {name} in self.children():")
        yield from (f"            x = {name}(x)", "        return x")


@register("pytorch")
class PyTorch(Framework):
    title = "PyTorch source"
    place = 0
    files = ("model.py",)

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {"model.py": formatted(print_model(graph).source)}

    # It has no values: model.py is no export; the gate compares its weights and logits itself.


def print_model(graph: Graph, title: str = "An image classifier found by architecture search.") -> Printed:
    return print_network(Torch(), graph, title)
