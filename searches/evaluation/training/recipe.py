"""The recipe of a training: what a spec may set, with its limits. No torch here, forms read it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from architectures.options import option, read, settle, to_document

RECIPE_VERSION = 5  # raised when the same options train differently; part of the cache key
CHEAP_RECALIBRATION, CHEAP_VALIDATION = 512, 1000  # images on which a supernet's network sets its norms and is judged

OPTIMIZERS = ("sgd", "adamw")
AUGMENTATIONS = ("auto", "none", "shift", "flip_crop", "flip_crop_cutout", "flip_crop_colour_cutout")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
PORTAL_ONLY = ("share", "precision", "inherit")  # what a search varies; a generated repository has no use for it


@dataclass(frozen=True)
class Recipe:
    """Short annealed training: the learning rate rises to its peak, then falls to 0 (Smith 2017, arXiv 1708.07120)."""

    epochs: int = option(5, "passes over the training images, for each candidate", min=1, max=1000)
    batch_size: int = option(32, "images per step", min=2, max=4096, advanced=True)
    learning_rate: float = option(
        0.15, "learning rate at the peak of its schedule", label="peak learning rate", min=1e-6, max=10.0, advanced=True
    )
    warmup: float = option(
        0.25, "share of the steps in which the learning rate rises to its peak", min=0.0, max=0.9, advanced=True
    )
    optimizer: str = option("sgd", "SGD with Nesterov momentum, or AdamW", choices=OPTIMIZERS, advanced=True)
    momentum: float = option(0.9, "momentum of SGD; AdamW does not use it", min=0.0, max=0.999, advanced=True)
    weight_decay: float = option(
        5e-4, "decay of the weights per step; normalisation layers are exempt", min=0.0, max=1.0, advanced=True
    )
    label_smoothing: float = option(
        0.1, "share of each label that is spread over all classes", min=0.0, max=0.5, advanced=True
    )
    augmentation: str = option(
        "auto",
        "what is done to training images; auto: what suits the dataset, from 10 epochs on; colours suit few images and "
        "many epochs",
        choices=AUGMENTATIONS,
        advanced=True,
    )
    share: float = option(
        1.0, "share of the training images that is used, drawn evenly from all classes",
        label="share of the training images", min=0.01, max=1.0, advanced=True,
    )  # fmt: skip
    precision: str = option(
        "auto",
        "type of numbers in training; auto: bfloat16 on a GPU that has it, and on a CPU that has it for images of 28 "
        "pixels and more, else float32; accuracy is always measured in float32",
        label="numeric precision",
        choices=PRECISIONS,
        advanced=True,
    )
    inherit: bool = option(
        False,
        "a child starts from the weights of its parent, wherever both have a layer; a promoted network continues from "
        "its own weights on the rung below, except above a proxy, which trains nothing",
        label="weight inheritance",
        advanced=True,
    )

    def __post_init__(self) -> None:
        settle(self)

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Recipe:
        """The recipe of a JSON document; SpecErrors with all that is wrong with it."""
        return read(cls, document)

    def to_document(self) -> dict[str, object]:
        return to_document(self)

    def images(self, training: int) -> int:
        """Counts the images of a training split that an epoch sees."""
        return max(1, round(training * self.share))


def portable(document: Mapping[str, object]) -> dict[str, object]:
    """The options of a recipe that mean something without the portal."""
    return {name: value for name, value in document.items() if name not in PORTAL_ONLY}


def scoring_cost(macs: int, training: int, validation: int) -> int:
    """Returns the cost of a network that a supernet scores: two forward passes, for batch norms and for accuracy."""
    return macs * (min(training, CHEAP_RECALIBRATION) + min(validation, CHEAP_VALIDATION))


def counted_cost(macs: int, images: int, epochs: int) -> int:
    """Returns what a training costs, in multiply-adds: backward counts twice the forward pass. No clock is asked."""
    return 3 * macs * images * epochs
