"""The digits of scikit-learn: 1,797 handwritten digits, 8×8, grey values from 0 to 16 (Alpaydin & Kaynak, UCI 1998)."""

from typing import ClassVar

import numpy as np

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.reading.arrays import make_splits
from searches.evaluation.datasets.registry import Facts, datasets

SCALE = 16.0


@datasets.register("digits")
class Digits:
    title: ClassVar[str] = "Digits of scikit-learn: 1,797 handwritten digits, 8×8 grey"
    facts: ClassVar[Facts] = Facts("digits", (1, 8, 8), 10, {"train": 1079, "validation": 359, "test": 359})

    def load(self) -> DataSet:
        from sklearn.datasets import load_digits  # a second to import, and only this data set needs it

        bunch = load_digits()
        images = np.ascontiguousarray(bunch.images.astype(np.uint8)[:, None])  # (1797, 1, 8, 8), 0 … 16
        targets = bunch.target.astype(np.int64)
        splits, notes = make_splits(images, targets)
        return DataSet(
            "digits",
            images,
            targets,
            tuple(str(digit) for digit in range(10)),
            splits,
            SCALE,
            notes=notes,
            source="scikit-learn load_digits",
        )
