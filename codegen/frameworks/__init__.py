"""Frameworks: one file each, one rule a primitive in its printer. A printer never imports the framework it prints."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir.graph import Graph
from architectures.registry import Registry
from codegen.skeletons import skeleton


class Framework:
    """A form of the network that a repository may hold. Its file says only what is special about it."""

    title: ClassVar[str]
    place: ClassVar[int]  # in the order of making
    files: ClassVar[tuple[str, ...]]  # what it adds to a repository, taken away again where it does not agree
    needs: ClassVar[tuple[str, ...]] = ()  # frameworks that it is made from
    needs_data: ClassVar[bool] = False  # to be calibrated
    extra: ClassVar[bool] = False  # installed on request, in an environment of its own: codegen/extras.py
    for_gpu: ClassVar[bool] = False  # made where the search was for a GPU, or on request
    requirements: ClassVar[tuple[str, ...]] = ()  # of an extra

    def sources(self, graph: Graph) -> Mapping[str, str]:
        """Returns what is printed for it, by path; the repository's `deploy.py export` makes the rest."""
        return {}

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """Yields what an export computes on its way for images (N, C, H, W), as arrays.

        By them the first node is found that does not agree; an export that cannot show them yields nothing.
        """
        return iter(())


frameworks: Registry[Framework] = Registry("framework", "codegen.frameworks")
register = frameworks.register
names = frameworks.names
get = frameworks.get


def exports() -> tuple[str, ...]:
    """All but the PyTorch source, which every repository holds, in the order of making."""
    return tuple(sorted((name for name in names() if name != "pytorch"), key=lambda name: get(name).place))


def usual() -> tuple[str, ...]:
    """The exports that any target has use for."""
    return tuple(name for name in exports() if not get(name).for_gpu)


def folder_of(name: str, printed: Mapping[str, str]) -> dict[str, str]:
    """The files of exports/NAME: those of the skeletons, whose run.py makes and runs the export, and printed ones."""
    folder = f"exports/{name}/"
    kept = {path: text for path, text in skeleton().items() if path.startswith(folder)}
    return kept | {f"{folder}{path}": text for path, text in printed.items()}
