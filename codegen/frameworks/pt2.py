"""torch.export program: made by torch.export from model.py, by the repository's deploy.py."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import register


@register("pt2")
class Pt2:
    title: ClassVar[str] = "torch.export program"
    place: ClassVar[int] = 30
    files: ClassVar[tuple[str, ...]] = ("exports/model.pt2",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False
    extra: ClassVar[bool] = False
    for_gpu: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ()

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {}

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
