"""Registries: a decorator and a walk over a package, so that one more thing is one more file."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class UnknownName(ValueError):
    """A registry has nothing of this name."""

    def __init__(self, kind: str, name: str, names: tuple[str, ...]) -> None:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        super().__init__(f"no {kind} is named {name!r}; {hint}")
        self.kind, self.name = kind, name


class Registry(Generic[T]):
    """Classes by name. `Registry("operation", "architectures.operations")` imports that package at first use."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._classes: dict[str, type[T]] = {}
        self._walked = False

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        def add(cls: type[T]) -> type[T]:
            known = self._classes.get(name)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise ValueError(f"two {self.kind}s are named {name!r}: {known.__module__} and {cls.__module__}")
            self._classes[name] = cls
            return cls

        return add

    def names(self) -> tuple[str, ...]:
        self._walk()
        return tuple(sorted(self._classes))

    def get(self, name: str) -> type[T]:
        """Returns the class of this name. Raises UnknownName where none is registered."""
        self._walk()
        if name not in self._classes:
            raise UnknownName(self.kind, name, self.names())
        return self._classes[name]

    def _walk(self) -> None:
        if self._walked:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        self._walked = True
