"""The identity, or a projection where the shape changes."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.ir.primitives import Identity
from architectures.operations import register
from architectures.operations.parts import project


@register("skip_connect")
@dataclass(frozen=True)
class SkipConnect:
    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        if stride == 1 and builder.shape(x)[0] == channels:
            return builder.add("identity", Identity(), x)
        return project(builder, x, channels, stride)
