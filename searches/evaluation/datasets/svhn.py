"""SVHN (Netzer et al. 2011): 99,289 photographed house numbers, 32×32 RGB; the cropped digits, "format 2"."""

import math
import zlib
from pathlib import Path
from typing import ClassVar

import numpy as np

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.downloads import OfficialFile, folder_of
from searches.evaluation.datasets.reading.arrays import Part, dataset_from
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES
from searches.evaluation.datasets.registry import Facts, datasets

SITE = "http://ufldl.stanford.edu/housenumbers/"
TEN = 10  # stands for the digit 0, as MATLAB counts from 1


@datasets.register("svhn")
class Svhn:
    title: ClassVar[str] = "SVHN: 99,289 photographed house numbers, 32×32 RGB"
    facts: ClassVar[Facts] = Facts("svhn", (3, 32, 32), 10, {"train": 65_931, "validation": 7_326, "test": 26_032})
    files: ClassVar[tuple[OfficialFile, ...]] = (
        OfficialFile("train_32x32.mat", f"{SITE}train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
        OfficialFile("test_32x32.mat", f"{SITE}test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
    )

    def load(self) -> DataSet:
        folder = folder_of("svhn", self.files)
        train, test = (read_mat(folder / file.name) for file in self.files)
        labels = [str(digit) for digit in range(10)]
        return dataset_from("svhn", train, test, labels, augmentation="shift", source="SVHN, official cropped digits")


def read_mat(path: Path) -> Part:
    """Reads X (32, 32, 3, N) and y (N, 1); what the file claims is checked before memory is allocated.

    Raises DataSetError where it claims anything else or cannot be read.
    """
    from scipy.io import loadmat, whosmat  # comes with scikit-learn
    from scipy.io.matlab import MatReadError

    try:
        sizes = {name: (shape, kind) for name, shape, kind in whosmat(str(path))}
        shape, kind = sizes.get("X", ((), ""))
        labels = sizes.get("y", ((), ""))[0]
        if len(shape) != 4 or shape[:3] != (32, 32, 3) or kind != "uint8" or labels != (shape[3], 1):
            raise DataSetError(
                f"{path.name} must hold X (32, 32, 3, N) of uint8 and y (N, 1), but holds "
                f"{', '.join(f'{name} {size} of {each}' for name, (size, each) in sizes.items()) or 'nothing'}"
            )
        if math.prod(shape) > MAX_ARRAY_BYTES:
            raise DataSetError(f"{path.name} claims {math.prod(shape):,} bytes; at most {MAX_ARRAY_BYTES:,} are read")
        arrays = loadmat(str(path), variable_names=["X", "y"])
    except DataSetError:
        raise
    except (OSError, ValueError, TypeError, NotImplementedError, zlib.error, MemoryError, MatReadError) as error:
        raise DataSetError(f"{path.name} cannot be read ({error}); fetch it again") from error
    y = arrays["y"].reshape(-1).astype(np.int64)
    return Part(arrays["X"].transpose(3, 0, 1, 2), np.where(y == TEN, 0, y), path.name, path.name)
