"""What a page shows of a dataset, made once: its card and a picture of some training images, a row a class."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.dataset import DataSet

CLASSES, SAMPLES = 20, 10  # rows and columns at most
CELL = 48  # pixels of a side, at least; small images are enlarged in whole steps
GAP = 2
CARD, PICTURE = "card.json", "samples.png"

Pixels = NDArray[np.uint8]


def write_preview(dataset: DataSet, folder: Path) -> None:
    """The picture first: where there is a card, all is there."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(grid(dataset))
    picture.save(folder / f".{PICTURE}", "PNG")
    (folder / f".{PICTURE}").replace(folder / PICTURE)
    (folder / f".{CARD}").write_text(json.dumps(dataset.card(), allow_nan=False), encoding="utf-8")
    (folder / f".{CARD}").replace(folder / CARD)


def grid(dataset: DataSet) -> Pixels:
    """(H, W, 3): of each class the first images of the training split."""
    rows = dataset.splits["train"]
    targets = dataset.targets[rows]
    _, height, width = dataset.input_shape
    step = max(1, -(-CELL // min(height, width)))
    cell_height, cell_width = height * step, width * step
    shown = min(CLASSES, dataset.classes)
    canvas = np.full((shown * (cell_height + GAP) - GAP, SAMPLES * (cell_width + GAP) - GAP, 3), 255, dtype=np.uint8)
    for number in range(shown):
        for place, row in enumerate(rows[targets == number][:SAMPLES]):
            top, left = number * (cell_height + GAP), place * (cell_width + GAP)
            pixels = visible(dataset.images[row], dataset.scale)
            large = pixels.repeat(step, axis=0).repeat(step, axis=1)
            canvas[top : top + cell_height, left : left + cell_width] = large
    return canvas


def visible(image: NDArray[np.generic], scale: float) -> Pixels:
    """(C, H, W) in stored values to (H, W, 3) from 0 to 255; values below 0 are stretched over the whole range."""
    pixels = np.asarray(image, dtype=np.float64) / scale
    if pixels.min() < 0:
        pixels = (pixels - pixels.min()) / max(1e-9, pixels.max() - pixels.min())
    shown = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]
    return (shown.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
