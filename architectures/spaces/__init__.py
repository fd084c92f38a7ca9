"""Search spaces: lists of decisions. `create("chain", (1, 8, 8), 10, max_layers=6)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from architectures.documents import SpecError, did_you_mean, shorten
from architectures.options import checked, options
from architectures.registry import Registry
from architectures.spaces.space import Decision, Genotype, Space, SpaceError, Variation

__all__ = ["Decision", "Genotype", "Space", "SpaceError", "Variation", "create", "get", "names", "register", "spaces"]

spaces: Registry[Space] = Registry("search space", "architectures.spaces")
register = spaces.register
names = spaces.names
get = spaces.get


def create(name: str, input_shape: Iterable[int], classes: int, /, **chosen: Any) -> Space:
    """The space of this name for these inputs; SpaceError names the field that does not fit."""
    cls = get(name)
    try:
        values = dict(_values(cls, chosen))
    except SpecError as error:
        raise SpaceError(error.field, error.message) from error
    return cls(input_shape=_shape(input_shape), classes=_classes(classes), **values)


def _values(cls: type[Space], chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = {each.name: each for each in options(cls)}
    for key, value in chosen.items():
        if key not in known:
            raise SpaceError(shorten(key), f"is no option of {cls.name}; {did_you_mean(key, sorted(known))}")
        yield key, checked(known[key], value, key)


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
