"""C99 with int8 weights, a scale a channel: a quarter of the flash; activations stay float32 in the static arena."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, register
from codegen.frameworks.c import check_size, program, traced
from codegen.passes.fusion import fused
from codegen.skeletons import skeleton

FLOAT, INT8 = "exports/c/", "exports/c_int8/"


@register("c_int8")
class C99Int8(Framework):
    title = "C99 source with int8 weights"
    place = 45
    files = ("exports/c_int8",)
    needs_data = True

    def sources(self, graph: Graph) -> Mapping[str, str]:
        check_size(graph)
        folder = {path.replace(FLOAT, INT8): text for path, text in skeleton().items() if path.startswith(FLOAT)}
        header, source = program(fused(graph), int8=True)
        weights = folder[f"{INT8}weights.py"].replace("INT8 = False", "INT8 = True")
        return {**folder, f"{INT8}weights.py": weights, f"{INT8}model.h": header, f"{INT8}model.c": source}

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from traced(fused(graph), folder / "exports" / "c_int8", images)
