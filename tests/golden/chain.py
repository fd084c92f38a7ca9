"""An image classifier found by architecture search."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_SHAPE = (1, 8, 8)  # channels, height, width
IMAGE_CHANNELS = INPUT_SHAPE[0]
CLASSES = 37
WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"


class ResidualConvLayer(nn.Module):
    """Dilated 3×3 convolution, batch norm, ReLU, sum."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x))) + x + skip  # (N, channels, 8, 8)


class Skip(nn.Module):
    """1×1 convolution, batch norm."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1, stride=2, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.project_norm(self.project(x))  # (N, out_channels, 4, 4)


class ResidualSeparableConvLayer(nn.Module):
    """Depthwise 3×3 convolution, batch norm, ReLU, 1×1 convolution, batch norm, Skip, sum."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride=2, padding=1, groups=in_channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(in_channels)
        self.project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)
        self.skip1 = Skip(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.depthwise_norm(self.depthwise(x)))  # (N, in_channels, 4, 4)
        y = self.project_norm(self.project(y))  # (N, out_channels, 4, 4)
        return y + self.skip1(x)  # (N, out_channels, 4, 4)


class Stem(nn.Module):
    """3×3 convolution, batch norm, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(IMAGE_CHANNELS, 64, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))  # (N, 64, 8, 8)


class Stage1(nn.Module):
    """Three layers, 64×8×8 to 64×8×8."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1_pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.layer2 = ResidualConvLayer(64, dilation=2)
        self.layer3 = ResidualConvLayer(64)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer1_pool(x) + x  # (N, 64, 8, 8)
        layer2 = self.layer2(y, x)  # (N, 64, 8, 8)
        return self.layer3(layer2, x)  # (N, 64, 8, 8)


class Stage2(nn.Module):
    """One layer, 64×8×8 to 16×4×4."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = ResidualSeparableConvLayer(64, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer1(x)  # (N, 16, 4, 4)


class Head(nn.Module):
    """Global average pooling, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)  # (N, 16)
        return self.linear(x)  # (N, 37)


class Model(nn.Module):
    """Images (N, 1, 8, 8) to logits (N, 37)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = Stage1()
        self.stage2 = Stage2()
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (N, 64, 8, 8)
        x = self.stage1(x)  # (N, 64, 8, 8)
        x = self.stage2(x)  # (N, 16, 4, 4)
        return self.head(x)  # (N, 37)


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
