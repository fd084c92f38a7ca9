"""An image classifier found by architecture search."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SHAPE = (3, 9, 11)  # channels, height, width
IMAGE_CHANNELS = INPUT_SHAPE[0]
CLASSES = 5
WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"


class Squeeze(nn.Module):
    """Global average pooling, 1×1 convolution, ReLU, 1×1 convolution, hard sigmoid."""

    def __init__(self, channels: int, reduce_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduce_channels, 1)
        self.restore = nn.Conv2d(reduce_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))  # (N, reduce_channels, 1, 1)
        return F.hardsigmoid(self.restore(x))  # (N, channels, 1, 1)


class Block(nn.Module):
    """Depthwise 3×3 convolution, ReLU6, Squeeze, product, sum."""

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, groups=channels, bias=False)
        self.squeeze = Squeeze(channels, squeeze_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.depthwise(x))  # (N, channels, 5, 6)
        y = y * self.squeeze(y)  # (N, channels, 5, 6)
        return y + x + y  # (N, channels, 5, 6)


class Stem(nn.Module):
    """5×5 convolution, batch norm, hard swish."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(IMAGE_CHANNELS, 8, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(8, eps=0.001, momentum=0.3)

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(self.norm(self.conv(x)))  # (N, 8, 5, 6)


class Stage1(nn.Module):
    """Two parts, 8×5×6 to 24×5×6."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = Block(8, 2)
        self.block2_max_pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.block2_avg_pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        block1 = self.block1(x)  # (N, 8, 5, 6)
        x = self.block2_max_pool(block1)  # (N, 8, 5, 6)
        y = self.block2_avg_pool(block1)  # (N, 8, 5, 6)
        x = torch.cat((x, y, torch.zeros_like(block1)), dim=1)  # (N, 24, 5, 6)
        y = torch.sigmoid(x)  # (N, 24, 5, 6)
        x = x * y  # (N, 24, 5, 6)
        return y, x  # (N, 24, 5, 6)


class Stage2(nn.Module):
    """Average pooling, sum, grouped 3×3 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.grouped = nn.Conv2d(24, 12, 3, padding=1, groups=4, bias=False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = torch.zeros_like(x[:, :, ::2, ::2])  # (N, 24, 3, 3)
        x = x + self.pool(skip)  # (N, 24, 3, 3)
        return self.grouped(x)  # (N, 12, 3, 3)


class Head(nn.Module):
    """Max pooling, dropout, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(1, stride=2, padding=0)
        self.dropout = nn.Dropout(0.3)
        self.linear = nn.Linear(48, CLASSES, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(self.pool(x), 1)  # (N, 48)
        return self.linear(self.dropout(x))  # (N, 5)


class Model(nn.Module):
    """Images (N, 3, 9, 11) to logits (N, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = Stage1()
        self.stage2 = Stage2()
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (N, 8, 5, 6)
        stage1_block2, stage1 = self.stage1(x)  # (N, 24, 5, 6)
        x = self.stage2(stage1, stage1_block2)  # (N, 12, 3, 3)
        return self.head(x)  # (N, 5)


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
