"""npz files of numpy: ``x, y`` or ``x_train, y_train[, x_test, y_test]``; no pickle is ever read."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, ClassVar

import numpy as np
from numpy.lib import format as npy

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.reading.archives import Allowance, opened
from searches.evaluation.datasets.reading.arrays import Array, Part, dataset_from
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES, MAX_ARRAYS
from searches.evaluation.datasets.reading.resizing import ResizeRule, refuse
from searches.evaluation.datasets.registry import readers

UNREADABLE = (
    ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, SyntaxError, TypeError,
    TokenError,
)  # fmt: skip
WANTED = ("x", "y", "x_train", "y_train", "x_test", "y_test")


@readers.register("npz")
class Npz:
    title: ClassVar[str] = "an npz file with x, y or x_train, y_train[, x_test, y_test]"

    @staticmethod
    def accepts(path: Path) -> bool:
        return path.is_file() and path.suffix.lower() == ".npz"

    def read(self, path: Path, fit: ResizeRule) -> DataSet:
        """Reads the arrays of an npz file. Raises DataSetError where one is missing or damaged."""
        refuse(fit, path)
        with opened(path, Allowance(MAX_ARRAYS, MAX_ARRAY_BYTES)) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            prefix = "" if "x" in members else "_train"
            needed = (f"x{prefix}", f"y{prefix}")
            absent = [name for name in needed if name not in members]
            if absent:
                held = ", ".join(sorted(members))[:200]
                raise DataSetError(f"{path.name} has {held}, but needs x and y, or x_train and y_train")
            arrays = {name: array(archive, member) for name, member in members.items() if name in WANTED}
        test = None
        if "x_test" in arrays and "y_test" in arrays:
            test = Part(arrays["x_test"], arrays["y_test"], "x_test", "y_test")
        elif "x_test" in arrays or "y_test" in arrays:
            raise DataSetError(f"{path.name} has only one of x_test and y_test; give both or none")
        train = Part(arrays[needed[0]], arrays[needed[1]], *needed)
        return dataset_from(path.stem, train, test, source=f"npz file {path.name}")


def array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Reads one array of any shape; its header's claim is checked against the member's size before memory is allocated.

    Raises DataSetError where the array cannot be read or holds something else than its header says.
    """
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream:
            shape, _, dtype, header = header_of(stream)
            check_header(name, shape, dtype, header, member.file_size)
        with archive.open(member) as stream:
            loaded: Array = npy.read_array(stream, allow_pickle=False)
            return loaded
    except DataSetError:
        raise
    except UNREADABLE as error:
        raise DataSetError(f"array {name!r} cannot be read ({error}); write the file again with numpy.savez") from error


def header_of(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Reads shape, order, dtype and length of a header. Raises ValueError where its version is unknown."""
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(stream)
    else:
        raise ValueError(f"npy version {version[0]}.{version[1]}")
    return shape, fortran, dtype, stream.tell()


def check_header(name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic], header: int, size: int) -> None:
    """Refuses Python objects, negative sides and a wrong size. Raises DataSetError where a header claims one."""
    if dtype.hasobject:
        raise DataSetError(f"array {name!r} holds Python objects, which are never read; use numbers")
    if any(side < 0 for side in shape):
        raise DataSetError(f"array {name!r} has a negative side: {shape}")
    count = 1
    for side in shape:
        count *= int(side)  # Python's integers: no overflow
    if header + count * dtype.itemsize != size:
        raise DataSetError(
            f"array {name!r} claims {shape} of {dtype} = {count * dtype.itemsize:,} bytes; {size - header:,} are there"
        )
