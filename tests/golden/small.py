"""An image classifier found by architecture search."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SHAPE = (1, 8, 8)  # channels, height, width
IMAGE_CHANNELS = INPUT_SHAPE[0]
CLASSES = 3
WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"


class Layer(nn.Module):
    """3×3 convolution, batch norm, ReLU, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x))) + x  # (N, channels, 8, 8)


class Stem(nn.Module):
    """3×3 convolution, batch norm, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(IMAGE_CHANNELS, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))  # (N, 8, 8, 8)


class Stage1(nn.Module):
    """Two layers, 8×8×8 to 8×4×4."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = Layer(8)
        self.layer2 = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(x)  # (N, 8, 8, 8)
        return self.layer2(x)  # (N, 8, 4, 4)


class Head(nn.Module):
    """Global average pooling, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)  # (N, 8)
        return self.linear(x)  # (N, 3)


class Model(nn.Module):
    """Images (N, 1, 8, 8) to logits (N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = Stage1()
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (N, 8, 8, 8)
        x = self.stage1(x)  # (N, 8, 4, 4)
        return self.head(x)  # (N, 3)


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
