"""torch.export program: made by torch.export from model.py, by the repository's deploy.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, register


@register("pt2")
class Pt2(Framework):
    title = "torch.export program"
    place = 30
    files = ("exports/model.pt2",)

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        import torch

        found: list[Any] = []

        class Watched(torch.fx.Interpreter):
            def run_node(self, n: Any) -> Any:
                value = super().run_node(n)
                found.extend([value.numpy().copy()] if isinstance(value, torch.Tensor) else [])
                return value

        with torch.inference_mode():
            Watched(torch.export.load(folder / self.files[0]).module()).run(torch.from_numpy(images))
        yield from found
