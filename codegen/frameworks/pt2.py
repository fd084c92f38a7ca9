"""torch.export program: made by torch.export from model.py, by the repository's deploy.py."""

from collections.abc import Mapping
from typing import ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import register


@register("pt2")
class Pt2:
    title: ClassVar[str] = "torch.export program"
    place: ClassVar[int] = 30
    files: ClassVar[tuple[str, ...]] = ("exports/model.pt2",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {}
