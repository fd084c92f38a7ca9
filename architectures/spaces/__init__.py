"""Search spaces: lists of decisions. `create("chain", (1, 8, 8), 10, max_layers=6)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from architectures.registry import Option, Registry, options
from architectures.spaces.space import Decision, Genotype, Space, SpaceError, Variation, option_value

__all__ = ["Decision", "Genotype", "Space", "SpaceError", "Variation", "create", "get", "names", "register", "spaces"]

spaces: Registry[Space] = Registry("search space", "architectures.spaces")
register = spaces.register
names = spaces.names
get = spaces.get


def create(name: str, input_shape: Iterable[int], classes: int, **chosen: Any) -> Space:
    """The space of this name for these inputs; SpaceError names the field that does not fit."""
    cls = get(name)
    known: dict[str, Option] = {option.name: option for option in options(cls)}
    for key in chosen:
        if key not in known:
            raise SpaceError(key, f"is no option of {name}; there are: {', '.join(sorted(known))}")
    values = {key: option_value(known[key], value) for key, value in chosen.items()}
    return cls(input_shape=_shape(input_shape), classes=_classes(classes), **values)


def _shape(found: Iterable[int]) -> tuple[int, ...]:
    shape = tuple(found)
    if len(shape) != 3 or not all(type(size) is int and size > 0 for size in shape):
        raise SpaceError("input_shape", f"must be (channels, height, width), but is {shape}")
    if shape[0] > 64 or max(shape) > 1024:
        raise SpaceError("input_shape", f"may have at most 64 channels of 1024×1024, but is {shape}")
    return shape


def _classes(found: int) -> int:
    if type(found) is not int or not 2 <= found <= 10_000:
        raise SpaceError("classes", f"must be between 2 and 10,000, but is {found}")
    return found
