"""MNIST (LeCun, Cortes, Burges 1998): 70,000 handwritten digits, 28×28 grey."""

from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.downloads import OfficialFile, folder_of
from searches.evaluation.datasets.reading.idx import read_folder
from searches.evaluation.datasets.registry import Facts, datasets

SITE = "https://ossci-datasets.s3.amazonaws.com/mnist/"


@datasets.register("mnist")
class Mnist:
    title: ClassVar[str] = "MNIST: 70,000 handwritten digits, 28×28 grey"
    facts: ClassVar[Facts] = Facts("mnist", (1, 28, 28), 10, {"train": 54_001, "validation": 5_999, "test": 10_000})
    files: ClassVar[tuple[OfficialFile, ...]] = tuple(
        OfficialFile(name, SITE + name, md5)
        for name, md5 in (
            ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        )
    )

    def load(self) -> DataSet:
        labels = [str(digit) for digit in range(10)]
        return read_folder("mnist", folder_of("mnist", self.files), labels, "shift", "MNIST, official IDX files")
