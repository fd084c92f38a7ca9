"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747): 70,000 articles of clothing, 28×28 grey."""

from pathlib import Path
from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.downloads import OfficialFile, folder_of
from searches.evaluation.datasets.reading.idx import read_folder
from searches.evaluation.datasets.registry import Facts, datasets

SITE = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist
LABELS = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


@datasets.register("fashion_mnist")
class FashionMnist:
    title: ClassVar[str] = "Fashion-MNIST: 70,000 articles of clothing, 28×28 grey"
    facts: ClassVar[Facts] = Facts(
        "fashion_mnist", (1, 28, 28), 10, {"train": 54_000, "validation": 6_000, "test": 10_000}
    )
    files: ClassVar[tuple[OfficialFile, ...]] = tuple(
        OfficialFile(name, SITE + name, md5, sha256)
        for name, md5, sha256 in (
            (
                "train-images-idx3-ubyte.gz",
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                "bef4ecab320f06d8554ea6380940ec79",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                "bb300cfdad3c16e7a12a480ee83cd310",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        )
    )
    places: ClassVar[tuple[Path, ...]] = (DEBIAN,)

    def load(self) -> DataSet:
        folder = folder_of("fashion_mnist", self.files, self.places)
        return read_folder("fashion_mnist", folder, LABELS, "flip_crop", "Fashion-MNIST, official IDX files")
