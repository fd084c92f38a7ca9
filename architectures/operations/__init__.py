"""Search operations: one file each, found by the registry, expanded into primitives."""

from __future__ import annotations

from typing import Protocol

from architectures.ir.builder import Builder
from architectures.registry import Registry


class Operation(Protocol):
    """A searchable building block. Every expansion of the same operation uses the same inner names."""

    def __hash__(self) -> int: ...

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        """Adds primitives that turn node `x` into one of `channels` channels at 1/`stride` of its height and width."""
        ...


operations: Registry[Operation] = Registry("operation", "architectures.operations")
register = operations.register
names = operations.names
get = operations.get
