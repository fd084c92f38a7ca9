"""An image classifier found by architecture search."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SHAPE = (3, 32, 32)  # channels, height, width
IMAGE_CHANNELS = INPUT_SHAPE[0]
CLASSES = 2
WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"


class ConvBlock(nn.Module):
    """ReLU, convolution, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(F.relu(x)))  # (N, out_channels, H / stride, W / stride)


class Shortcut(nn.Module):
    """Average pooling, 1×1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, stride=2, padding=0, count_include_pad=False)
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.pool(x))  # (N, out_channels, H / 2, W / 2)


class Cell(nn.Module):
    """ConvBlock, average pooling, ConvBlock, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edge0_1 = ConvBlock(channels, channels, kernel=3)
        self.edge1_2 = ConvBlock(channels, channels, kernel=1)
        self.edge0_3 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.edge1_3 = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        self.edge2_3 = ConvBlock(channels, channels, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        edge0_1 = self.edge0_1(x)  # (N, channels, H, W)
        edge1_2 = self.edge1_2(edge0_1)  # (N, channels, H, W)
        x = self.edge0_3(x)  # (N, channels, H, W)
        y = self.edge1_3(edge0_1)  # (N, channels, H, W)
        return x + y + self.edge2_3(edge1_2)  # (N, channels, H, W)


class Stem(nn.Module):
    """3×3 convolution, batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(IMAGE_CHANNELS, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))  # (N, 16, 32, 32)


class Stage(nn.Module):
    """Five Cell blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for number in range(5):
            self.add_module(f"cell{number + 1}", Cell(channels))

    def forward(self, x: Tensor) -> Tensor:
        for cell in self.children():
            x = cell(x)
        return x


class Reduction(nn.Module):
    """ConvBlock, Shortcut, sum."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(in_channels, out_channels, kernel=3, stride=2)
        self.second = ConvBlock(out_channels, out_channels, kernel=3)
        self.shortcut = Shortcut(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)  # (N, out_channels, H / 2, W / 2)
        second = self.second(first)  # (N, out_channels, H / 2, W / 2)
        return second + self.shortcut(x)  # (N, out_channels, H / 2, W / 2)


class Head(nn.Module):
    """Batch norm, ReLU, global average pooling, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(64)
        self.linear = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(x))  # (N, 64, 8, 8)
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)  # (N, 64)
        return self.linear(x)  # (N, 2)


class Model(nn.Module):
    """Images (N, 3, 32, 32) to logits (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = Stage(16)
        self.reduction1 = Reduction(16, 32)
        self.stage2 = Stage(32)
        self.reduction2 = Reduction(32, 64)
        self.stage3 = Stage(64)
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 16, 32, 32)
        x = self.reduction1(x)  # (N, 32, 16, 16)
        x = self.stage2(x)  # (N, 32, 16, 16)
        x = self.reduction2(x)  # (N, 64, 8, 8)
        x = self.stage3(x)  # (N, 64, 8, 8)
        return self.head(x)  # (N, 2)


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
