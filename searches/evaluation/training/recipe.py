"""The recipe of a training: what a spec may set, with its limits. No torch here, forms read it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

RECIPE_VERSION = 5  # raised when the same options train differently; part of the cache key
CHEAP_RECALIBRATION, CHEAP_VALIDATION = 512, 1000  # images on which a supernet's network sets its norms and is judged

OPTIMIZERS = ("sgd", "adamw")
AUGMENTATIONS = ("auto", "none", "shift", "flip_crop", "flip_crop_cutout", "flip_crop_colour_cutout")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
PORTAL_ONLY = ("share", "precision", "inherit")  # what a search varies; a generated repository has no use for it


class RecipeError(ValueError):
    """An option of the recipe that cannot be trained with."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(f"{field_name} {message}")
        self.field = field_name


@dataclass(frozen=True)
class Recipe:
    """Short annealed training: the learning rate rises to its peak, then falls to zero (Smith 2017, 1708.07120)."""

    epochs: int = field(default=5, metadata={"help": "passes over the training images", "min": 1, "max": 1000})
    batch_size: int = field(default=32, metadata={"help": "images a step", "min": 2, "max": 4096})
    learning_rate: float = field(
        default=0.15, metadata={"help": "at the peak of the schedule", "min": 1e-6, "max": 10.0}
    )
    warmup: float = field(default=0.25, metadata={"help": "share of the steps before the peak", "min": 0.0, "max": 0.9})
    optimizer: str = field(default="sgd", metadata={"help": "SGD with Nesterov, or AdamW", "choices": OPTIMIZERS})
    momentum: float = field(default=0.9, metadata={"help": "of SGD", "min": 0.0, "max": 0.999})
    weight_decay: float = field(default=5e-4, metadata={"help": "on weights, not on norms", "min": 0.0, "max": 1.0})
    label_smoothing: float = field(default=0.1, metadata={"help": "share of the target", "min": 0.0, "max": 0.5})
    augmentation: str = field(
        default="auto",
        metadata={
            "help": "auto takes what suits the data set, from 10 epochs on; colours are for few pictures, many epochs",
            "choices": AUGMENTATIONS,
        },
    )
    share: float = field(
        default=1.0, metadata={"help": "of the training images, drawn evenly from all classes", "min": 0.01, "max": 1.0}
    )
    precision: str = field(
        default="auto",
        metadata={
            "help": "auto is bfloat16 on a GPU that has it, and for images of 28 pixels and more on a CPU that has it, "
            "else float32; accuracy is always float32's",
            "choices": PRECISIONS,
        },
    )
    inherit: bool = field(
        default=False,
        metadata={
            "help": "a child begins with the weights of its parent, where both have a layer; who climbs a ladder, with "
            "its own of the rung below; above a proxy, which trains nothing, it begins anew"
        },
    )

    def __post_init__(self) -> None:
        for option in fields(self):
            check(option.name, getattr(self, option.name), option.metadata)

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Recipe:
        known = {option.name for option in fields(cls)}
        unknown = sorted(set(document) - known)
        if unknown:
            raise RecipeError(unknown[0], f"is no option of the recipe; the options are {', '.join(sorted(known))}")
        return cls(**document)  # type: ignore[arg-type]  # __post_init__ checks each value

    def to_document(self) -> dict[str, object]:
        return {option.name: getattr(self, option.name) for option in fields(self)}

    def images(self, training: int) -> int:
        """How many of a training split's images an epoch sees."""
        return max(1, round(training * self.share))


def check(name: str, value: object, metadata: Mapping[str, object]) -> None:
    choices = metadata.get("choices")
    if isinstance(choices, tuple):
        if value not in choices:
            raise RecipeError(name, f"must be one of {', '.join(choices)}, but is {value!r}")
        return
    if "min" not in metadata:
        if not isinstance(value, bool):
            raise RecipeError(name, f"must be true or false, but is {value!r}")
        return
    whole = isinstance(metadata["min"], int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise RecipeError(name, f"must be {'a whole number' if whole else 'a number'}, but is {value!r}")
    low, high = metadata["min"], metadata["max"]
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    if not low <= value <= high:  # false for NaN too
        raise RecipeError(name, f"must be from {low} to {high}, but is {value}")


def portable(document: Mapping[str, object]) -> dict[str, object]:
    """The options of a recipe that mean something without the portal."""
    return {name: value for name, value in document.items() if name not in PORTAL_ONLY}


def scoring_cost(macs: int, training: int, validation: int) -> int:
    """What a network costs that a supernet judges: two passes forward, for its batch norms and for its accuracy."""
    return macs * (min(training, CHEAP_RECALIBRATION) + min(validation, CHEAP_VALIDATION))


def counted_cost(macs: int, images: int, epochs: int) -> int:
    """What a training costs, in multiply-adds: backward counts twice the forward pass. No clock is asked."""
    return 3 * macs * images * epochs
