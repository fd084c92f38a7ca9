"""How pictures become one size: the user's rule, written behind a path as ``pets.zip?resize=pad,side=48``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.dataset import DataSetError
from searches.evaluation.datasets.reading.limits import MAX_SIDE, MIN_SIDE

RULES = {
    "crop": "keep the middle square of each image",
    "pad": "keep the whole image and pad it to a square with black bars",
    "stretch": "stretch the image to a square",
}
SIGN = "?"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ResizeRule:
    """A rule, and the side that pictures get; without one it is theirs where they agree, else by their median."""

    rule: str = "crop"
    side: int | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise DataSetError(f"resize must be one of {', '.join(RULES)}, but is {self.rule!r}")
        if self.side is not None and not MIN_SIDE <= self.side <= MAX_SIDE:
            raise DataSetError(f"side must be from {MIN_SIDE} to {MAX_SIDE} pixels, but is {self.side}")

    def __call__(self, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """(H, W, C) to ``size``; a picture that has it already stays as it is."""
        if pixels.shape[:2] == size:
            return pixels
        if self.rule == "crop":
            return resized(middle_square(pixels), size)
        return padded(pixels, size) if self.rule == "pad" else resized(pixels, size)

    def words(self, size: tuple[int, int]) -> str:
        height, width = size
        done = {"crop": "cropped to a square and", "pad": "padded with black to a square and", "stretch": ""}
        return " ".join(f"{done[self.rule]} resized to {height}×{width}".split())


def parsed(text: str) -> tuple[str, ResizeRule]:
    """Returns name or path, and the rule behind it. A file that really has such a name is taken as it is.

    Raises DataSetError where the rule has an unknown option or a wrong side.
    """
    place, sign, written = text.rpartition(SIGN)
    if not sign or Path(text).exists():
        return text, ResizeRule()
    options = dict(part.partition("=")[::2] for part in written.split(","))
    if unknown := sorted(set(options) - {"resize", "side"}):
        raise DataSetError(
            f"{unknown[0]!r} is no option of a dataset; there are: resize={'|'.join(RULES)}, side=PIXELS"
        )
    side = options.get("side", "")
    if side and not (side.isdecimal() and len(side) < 6):
        raise DataSetError(f"side must be a number of pixels, but is {side!r}")
    return place, ResizeRule(options.get("resize", "crop"), int(side) if side else None)


def refuse(fit: ResizeRule, path: Path) -> None:
    """Refuses a rule for arrays, whose images are of one size already. Raises DataSetError where one is given."""
    if fit != ResizeRule():
        raise DataSetError(
            f"{path.name} holds arrays, whose images are of one size; resize them before they are written"
        )


def middle_square(pixels: Pixels) -> Pixels:
    """Cuts the middle square (S, S, C) out of pixels (H, W, C)."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return pixels[top : top + short, left : left + short]


def padded(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resizes pixels (H, W, C) to fit inside `size`, in the middle of black (height, width, C)."""
    height, width = pixels.shape[:2]
    share = min(size[0] / height, size[1] / width)
    inner = max(1, round(height * share)), max(1, round(width * share))
    whole = np.zeros((*size, pixels.shape[2]), dtype=np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    whole[top : top + inner[0], left : left + inner[1]] = resized(pixels, inner)
    return whole


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resizes pixels (H, W, C), uint8, to (height, width, C), bilinearly."""
    from PIL import Image  # only data sets of image files need it

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    found = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    return found[..., None] if found.ndim == 2 else found
