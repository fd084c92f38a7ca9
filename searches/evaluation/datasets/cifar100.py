"""CIFAR-100 (Krizhevsky 2009): 60,000 natural images of a hundred (fine) classes, 32×32 RGB."""

from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.downloads import OfficialFile, folder_of
from searches.evaluation.datasets.reading.cifar_binary import read_archive
from searches.evaluation.datasets.registry import Facts, datasets


@datasets.register("cifar100")
class Cifar100:
    title: ClassVar[str] = "CIFAR-100: 60,000 natural images of 100 classes, 32×32 RGB"
    facts: ClassVar[Facts] = Facts("cifar100", (3, 32, 32), 100, {"train": 45_000, "validation": 5_000, "test": 10_000})
    files: ClassVar[tuple[OfficialFile, ...]] = (
        OfficialFile(
            "cifar-100-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
        ),
    )

    def load(self) -> DataSet:
        archive = folder_of("cifar100", self.files) / self.files[0].name
        return read_archive("cifar100", archive, ("train.bin",), "test.bin", "fine_label_names.txt", label_bytes=2)
