"""Train the network: annealed one-cycle training (Smith 2017, arXiv 1708.07120) with the recipe in config.json."""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from data import CONFIG, MEAN, SCALE, STD, DataError, DataSet, open_data
from model import WEIGHTS, Model
from passes import checkpoint_activations, compiled

GRADIENT_NORM = 5.0  # longer gradients are shortened
RECALIBRATION_IMAGES = 2048
EVALUATION_BATCH = 256
AUGMENTATIONS = ("auto", "none", "shift", "flip_crop", "flip_crop_cutout", "flip_crop_colour_cutout")
LEAST_EPOCHS = 10  # of a training that auto augments; in a shorter one it only costs accuracy
SMOKE_IMAGES, SMOKE_STEPS = 256, 24


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters; their values are those of the search, in config.json."""

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.15
    warmup: float = 0.25
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    augmentation: str = "auto"
    seed: int = 0

    @classmethod
    def configured(cls) -> "Recipe":
        return cls(**CONFIG["training"])

    def settled(self) -> "Recipe":
        """With what suits the data, as the search found, instead of auto."""
        if self.augmentation != "auto":
            return self
        suiting = CONFIG["data"].get("augmentation", "none")
        return replace(self, augmentation=suiting if self.epochs >= LEAST_EPOCHS else "none")


@dataclass(frozen=True)
class Split:
    """One split in memory; pixels stay as stored and are normalised a batch at a time."""

    images: Tensor  # (N, C, H, W)
    targets: Tensor  # (N,)
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def pixels(self, rows: Tensor) -> Tensor:
        return self.images[rows].to(torch.float32) / SCALE

    def normalised(self, pixels: Tensor) -> Tensor:
        return ((pixels - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def batch(self, rows: Tensor) -> Tensor:
        return self.normalised(self.pixels(rows))


def split_of(dataset: DataSet, name: str, device: torch.device) -> Split:
    images, targets = dataset.split(name)
    arrays = (np.ascontiguousarray(images), targets, MEAN, STD)
    return Split(*(torch.from_numpy(array).to(device) for array in arrays))


def initialise(model: nn.Module, seed: int) -> None:
    """Convolutions by He et al. 2015 (fan out); linear layers and batch norms as torch does."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * math.prod(module.kernel_size) // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, (nn.Linear, nn.BatchNorm2d)):
            module.reset_parameters()


def optimizer_of(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Norms and biases are not decayed."""
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    free = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov)


def one_cycle(step: int, steps: int, recipe: Recipe) -> float:
    """Linear up to the peak, linear down to nearly zero with the last step."""
    peak = max(1.0, recipe.warmup * steps)
    return recipe.learning_rate * min(1.0, (step + 1) / peak, (steps - step) / max(1.0, steps - peak + 1))


def shifted(pixels: Tensor, generator: torch.Generator, reach: int) -> Tensor:
    """Each image moved by up to `reach` pixels; the rim is filled with mirrored pixels."""
    count, channels, height, width = pixels.shape
    padded = F.pad(pixels, (reach,) * 4, mode="reflect")
    top, left = (torch.randint(0, 2 * reach + 1, (count,), generator=generator).to(pixels.device) for _ in range(2))
    rows = (top[:, None] + torch.arange(height, device=pixels.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width, device=pixels.device))[:, None, None, :]
    images = torch.arange(count, device=pixels.device)[:, None, None, None]
    return padded[images, torch.arange(channels, device=pixels.device)[None, :, None, None], rows, columns]


def flipped(pixels: Tensor, generator: torch.Generator) -> Tensor:
    mirror = (torch.rand(len(pixels), generator=generator) < 0.5).to(pixels.device)
    return torch.where(mirror[:, None, None, None], pixels.flip(3), pixels)


def covered(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """A square of a quarter of the side becomes the image's mean (DeVries and Taylor 2017, arXiv 1708.04552)."""
    count, _, height, width = pixels.shape
    side = max(1, min(height, width) // 4)
    top = torch.randint(0, height - side + 1, (count, 1, 1), generator=generator).to(pixels.device)
    left = torch.randint(0, width - side + 1, (count, 1, 1), generator=generator).to(pixels.device)
    rows = torch.arange(height, device=pixels.device)[:, None]
    columns = torch.arange(width, device=pixels.device)
    is_covered = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)  # (N, H, W)
    return torch.where(is_covered[:, None], pixels.mean(dim=(1, 2, 3), keepdim=True), pixels)


def coloured(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation of an image, each by a factor of its own from 0.6 to 1.4."""
    factors = torch.rand((3, len(pixels), 1, 1, 1), generator=generator) * 0.8 + 0.6
    brightness, contrast, saturation = factors.to(pixels.device).unbind()
    pixels = pixels * brightness
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = mean + (pixels - mean) * contrast
    grey = pixels.mean(dim=1, keepdim=True)
    return grey + (pixels - grey) * saturation


def augmented(pixels: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """`shift` suits digits and letters, `flip_crop` photographs; `flip_crop_cutout` covers a square, too.

    `flip_crop_colour_cutout` changes colours and covers two: for a few thousand pictures and many epochs.
    """
    if kind == "none":
        return pixels
    pixels = shifted(pixels, generator, max(1, min(pixels.shape[2:]) // 8))
    if kind.startswith("flip_crop"):
        pixels = flipped(pixels, generator)
    if "colour" in kind:
        pixels = covered(coloured(pixels, generator), generator)
    return covered(pixels, generator) if kind.endswith("cutout") else pixels


class Trainer:
    """The state of a training: what a checkpoint keeps."""

    def __init__(self, model: Model, recipe: Recipe, training: Split, amp: str, forward: Callable[[Tensor], Tensor]):
        self.model, self.recipe, self.training, self.amp, self.forward = model, recipe, training, amp, forward
        self.optimizer = optimizer_of(model, recipe)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.batches = max(1, len(training) // recipe.batch_size)
        self.scaler = torch.amp.GradScaler(enabled=amp == "fp16")
        self.step = 0

    def precision(self) -> AbstractContextManager[object]:
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.amp, torch.float32)
        return torch.autocast(self.training.images.device.type, dtype=kind, enabled=self.amp != "off")

    def losses(self) -> Iterator[Tensor]:
        """One epoch, a loss each step. Whole batches only: one image has no variance for a batch norm."""
        self.model.train()
        order = torch.randperm(len(self.training), generator=self.generator)
        size = self.recipe.batch_size
        for start in range(0, self.batches * size, size):
            rows = order[start : start + size].to(self.training.images.device)
            pixels = augmented(self.training.pixels(rows), self.recipe.augmentation, self.generator)
            yield self.train_step(self.training.normalised(pixels), self.training.targets[rows])

    def train_step(self, images: Tensor, targets: Tensor) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = one_cycle(self.step, self.recipe.epochs * self.batches, self.recipe)
        with self.precision():
            logits = self.forward(images)  # (N, classes)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        return loss.detach()

    def state(self, epoch: int) -> dict[str, Any]:
        state = {"epoch": epoch, "step": self.step, "generator": self.generator.get_state()}
        return state | {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def resume(self, path: Path) -> int:
        """The epoch after which the checkpoint was written."""
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step = state["step"]
        return int(state["epoch"])


@torch.no_grad()
def recalibrate(model: nn.Module, training: Split) -> None:
    """Batch-norm statistics of the final weights, instead of an average over weights that have changed since."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    rows = torch.arange(min(len(training), RECALIBRATION_IMAGES))
    for part in rows.tensor_split(math.ceil(len(rows) / EVALUATION_BATCH)):
        model(training.batch(part))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


@torch.inference_mode()
def accuracy(model: nn.Module, split: Split) -> float:
    model.eval()
    right = 0
    for rows in torch.arange(len(split)).split(EVALUATION_BATCH):
        right += int((model(split.batch(rows)).argmax(1) == split.targets[rows]).sum())
    return right / len(split)


def save(path: Path, write: Callable[[Path], object]) -> None:
    """Under a temporary name first: a run that is killed leaves the last whole checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    write(temporary)
    os.replace(temporary, path)


def smoke(trainer: Trainer) -> int:
    """A few steps; the exit code says whether the loss fell."""
    # A recipe of few epochs would end its schedule before the last of these steps.
    epochs = max(trainer.recipe.epochs, math.ceil(SMOKE_STEPS / trainer.batches))
    trainer.recipe = replace(trainer.recipe, epochs=epochs)
    losses: list[float] = []
    while len(losses) < SMOKE_STEPS:
        losses += [float(loss) for loss in trainer.losses()]
    quarter = len(losses) // 4
    first, last = sum(losses[:quarter]) / quarter, sum(losses[-quarter:]) / quarter
    said = {"first_loss": round(first, 4), "last_loss": round(last, 4), "fell": last < first, "losses": losses}
    print(json.dumps(said))
    return 0 if last < first else 1


def fit(trainer: Trainer, validation: Split, out: Path, done: int) -> list[dict[str, float]]:
    curve = []
    for epoch in range(done + 1, trainer.recipe.epochs + 1):
        started = time.monotonic()
        losses = torch.stack(list(trainer.losses()))
        if not bool(torch.isfinite(losses).all()):
            raise DataError(f"the loss is not finite in epoch {epoch}; lower the learning rate")
        if epoch == trainer.recipe.epochs:
            recalibrate(trainer.model, trainer.training)
        row = {"epoch": epoch, "loss": float(losses.mean()), "validation_accuracy": accuracy(trainer.model, validation)}
        curve.append(row)
        state = trainer.state(epoch)
        save(out / "checkpoint.pt", lambda path, state=state: torch.save(state, path))
        print("epoch {epoch}: loss {loss:.4f}, validation accuracy {validation_accuracy:.4f}".format(**row), end="")
        print(f", {time.monotonic() - started:.1f} s")
    return curve


def train(chosen: argparse.Namespace, recipe: Recipe) -> int:
    device = torch.device(chosen.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dataset = open_data(chosen.data)
    training, validation, test = (split_of(dataset, name, device) for name in ("train", "validation", "test"))
    model = Model()
    initialise(model, recipe.seed)
    if chosen.weights:
        model.load_state_dict(load_file(chosen.weights))
    model.to(device, memory_format=torch.channels_last)
    if chosen.checkpoint_activations:
        checkpoint_activations(model)
    if chosen.smoke:
        rows = slice(0, SMOKE_IMAGES)
        training = replace(training, images=training.images[rows], targets=training.targets[rows])
    trainer = Trainer(model, recipe, training, chosen.amp, compiled(model) if chosen.compile else model)
    if chosen.smoke:
        return smoke(trainer)
    done = trainer.resume(chosen.resume) if chosen.resume else 0
    curve = fit(trainer, validation, chosen.out, done)
    weights = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    save(chosen.out / "model.safetensors", lambda path: save_file(weights, path))
    result = {
        "curve": curve,
        "validation_accuracy": accuracy(model, validation),
        "test_accuracy": accuracy(model, test),
    }
    (chosen.out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"test accuracy {result['test_accuracy']:.4f}; the weights are in {chosen.out / 'model.safetensors'}")
    return 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    usual = Recipe.configured()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="an .npz file, a folder of class folders, or a name: digits, mnist, …")
    parser.add_argument("--out", type=Path, default=Path("runs") / "latest", help="folder of checkpoint and weights")
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--batch-size", type=int, default=usual.batch_size)
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate, help="at the schedule's peak")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument(
        "--augmentation", default=usual.augmentation, choices=AUGMENTATIONS, help="auto: from ten epochs on"
    )
    target = CONFIG.get("target") or {"amp": "off"}
    parser.add_argument(
        "--amp",
        default=target["amp"] if torch.cuda.is_available() else "off",
        choices=["off", "bf16", "fp16"],
        help="mixed precision",
    )
    parser.add_argument("--checkpoint-activations", action="store_true", help="less memory, one more forward pass")
    parser.add_argument("--compile", action="store_true", help="torch.compile; the first step takes long")
    parser.add_argument("--resume", type=Path, help="a checkpoint.pt of this program")
    parser.add_argument("--weights", type=Path, nargs="?", const=WEIGHTS, help="begin with trained weights")
    parser.add_argument("--device", help="cpu, cuda, …; by default what is there")
    parser.add_argument("--threads", type=int, help="of torch on the CPU")
    parser.add_argument("--smoke", action="store_true", help="a few steps; exit 1 if the loss does not fall")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    chosen = arguments(argv)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    options = {"epochs", "batch_size", "learning_rate", "seed", "augmentation"}
    recipe = replace(Recipe.configured(), **{name: getattr(chosen, name) for name in options}).settled()
    try:
        return train(chosen, recipe)
    except (DataError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
