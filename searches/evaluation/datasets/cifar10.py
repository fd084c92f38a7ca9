"""CIFAR-10 (Krizhevsky 2009): 60,000 natural images of ten classes, 32×32 RGB."""

from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.downloads import OfficialFile, folder_of
from searches.evaluation.datasets.reading.cifar_binary import read_archive
from searches.evaluation.datasets.registry import Facts, datasets

BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


@datasets.register("cifar10")
class Cifar10:
    title: ClassVar[str] = "CIFAR-10: 60,000 natural images of 10 classes, 32×32 RGB"
    facts: ClassVar[Facts] = Facts("cifar10", (3, 32, 32), 10, {"train": 45_000, "validation": 5_000, "test": 10_000})
    files: ClassVar[tuple[OfficialFile, ...]] = (
        OfficialFile(
            "cifar-10-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
        ),
    )

    def load(self) -> DataSet:
        archive = folder_of("cifar10", self.files) / self.files[0].name
        return read_archive("cifar10", archive, BATCHES, "test_batch.bin", "batches.meta.txt", label_bytes=1)
