"""The IDX format of MNIST (yann.lecun.com/exdb/mnist): a magic number, sizes, then bytes; gzipped or not."""

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.reading.arrays import Part, dataset_from
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES
from searches.evaluation.datasets.reading.resizing import ResizeRule, refuse
from searches.evaluation.datasets.registry import readers

UNSIGNED_BYTES = 0x08
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Reads one array of any shape; its header's claim is checked against the bytes that are there.

    Raises DataSetError where the file is no IDX file, too large or damaged.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != UNSIGNED_BYTES or not 1 <= head[3] <= 4:
                raise DataSetError(
                    f"{path.name} is no IDX file of unsigned bytes: it begins with {head.hex() or 'nothing'}"
                )
            sizes = stream.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise DataSetError(f"{path.name} is cut off in its header; fetch it again")
            shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
            count = math.prod(shape)
            if count > MAX_ARRAY_BYTES:
                raise DataSetError(f"{path.name} claims {shape}, {count:,} bytes; at most {MAX_ARRAY_BYTES:,} are read")
            body = stream.read(count + 1)  # one more than claimed: a longer file is damaged too
    except (OSError, EOFError, zlib.error) as error:
        raise DataSetError(f"{path.name} cannot be read ({error}); fetch it again") from error
    if len(body) != count:
        held = "more" if len(body) > count else f"{len(body):,}"
        raise DataSetError(f"{path.name} claims {shape}, {count:,} bytes, but holds {held}; fetch it again")
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def read_folder(name: str, folder: Path, labels: Sequence[str] | None, augmentation: str, source: str) -> DataSet:
    x_train, y_train, x_test, y_test = (read_idx(existing(folder, stem)) for stem in STEMS)
    train = Part(x_train, y_train, STEMS[0], STEMS[1])
    test = Part(x_test, y_test, STEMS[2], STEMS[3])
    return dataset_from(name, train, test, labels, augmentation=augmentation, source=source)


def existing(folder: Path, stem: str) -> Path:
    return next((path for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()), folder / stem)


@readers.register("idx")
class Idx:
    title: ClassVar[str] = "a folder with the four IDX files of MNIST and its successors"

    @staticmethod
    def accepts(path: Path) -> bool:
        return path.is_dir() and all(existing(path, stem).is_file() for stem in STEMS)

    def read(self, path: Path, fit: ResizeRule) -> DataSet:
        refuse(fit, path)
        return read_folder(path.name, path, None, "shift", f"IDX files in {path.name}")
