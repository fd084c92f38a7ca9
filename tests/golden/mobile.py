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


class ResidualSeparableConvBlock(nn.Module):
    """Depthwise convolution, batch norm, ReLU6, 1×1 convolution, batch norm, sum."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(channels)
        self.project = nn.Conv2d(channels, channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.depthwise_norm(self.depthwise(x)))  # (N, channels, H, W)
        return self.project_norm(self.project(y)) + x  # (N, channels, H, W)


class SeparableConvBlock(nn.Module):
    """Depthwise convolution, batch norm, ReLU6, 1×1 convolution, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, stride=stride, padding=kernel // 2, groups=in_channels, bias=False
        )
        self.depthwise_norm = nn.BatchNorm2d(in_channels)
        self.project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.depthwise_norm(self.depthwise(x)))  # (N, in_channels, H / stride, W / stride)
        return self.project_norm(self.project(x))  # (N, out_channels, H / stride, W / stride)


class Bottleneck(nn.Module):
    """1×1 convolution, batch norm, ReLU6, depthwise 3×3 convolution, batch norm, ReLU6, 1×1 convolution and more."""

    def __init__(self, in_channels: int, out_channels: int, expand_channels: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(in_channels, expand_channels, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(expand_channels)
        self.depthwise = nn.Conv2d(
            expand_channels, expand_channels, 3, stride=2, padding=1, groups=expand_channels, bias=False
        )
        self.depthwise_norm = nn.BatchNorm2d(expand_channels)
        self.project = nn.Conv2d(expand_channels, out_channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.expand_norm(self.expand(x)))  # (N, expand_channels, 16, 16)
        x = F.relu6(self.depthwise_norm(self.depthwise(x)))  # (N, expand_channels, 8, 8)
        return self.project_norm(self.project(x))  # (N, out_channels, 8, 8)


class ResidualBottleneck(nn.Module):
    """1×1 convolution, batch norm, ReLU6, depthwise 3×3 convolution, batch norm, ReLU6, 1×1 convolution and more."""

    def __init__(self, channels: int, expand_channels: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, expand_channels, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(expand_channels)
        self.depthwise = nn.Conv2d(expand_channels, expand_channels, 3, padding=1, groups=expand_channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(expand_channels)
        self.project = nn.Conv2d(expand_channels, channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.expand_norm(self.expand(x)))  # (N, expand_channels, 8, 8)
        y = F.relu6(self.depthwise_norm(self.depthwise(y)))  # (N, expand_channels, 8, 8)
        return self.project_norm(self.project(y)) + x  # (N, channels, 8, 8)


class Squeeze(nn.Module):
    """Global average pooling, 1×1 convolution, ReLU, 1×1 convolution, hard sigmoid."""

    def __init__(self, channels: int, reduce_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduce_channels, 1)
        self.restore = nn.Conv2d(reduce_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))  # (N, reduce_channels, 1, 1)
        return F.hardsigmoid(self.restore(x))  # (N, channels, 1, 1)


class SqueezeBottleneck(nn.Module):
    """1×1 convolution, batch norm, ReLU6, depthwise 7×7 convolution, batch norm, ReLU6, Squeeze, product and more."""

    def __init__(self, in_channels: int, out_channels: int, expand_channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(in_channels, expand_channels, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(expand_channels)
        self.depthwise = nn.Conv2d(
            expand_channels, expand_channels, 7, stride=2, padding=3, groups=expand_channels, bias=False
        )
        self.depthwise_norm = nn.BatchNorm2d(expand_channels)
        self.squeeze = Squeeze(expand_channels, squeeze_channels)
        self.project = nn.Conv2d(expand_channels, out_channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.expand_norm(self.expand(x)))  # (N, expand_channels, 8, 8)
        x = F.relu6(self.depthwise_norm(self.depthwise(x)))  # (N, expand_channels, 4, 4)
        x = x * self.squeeze(x)  # (N, expand_channels, 4, 4)
        return self.project_norm(self.project(x))  # (N, out_channels, 4, 4)


class Stem(nn.Module):
    """3×3 convolution, batch norm, ReLU6."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(IMAGE_CHANNELS, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.norm(self.conv(x)))  # (N, 16, 32, 32)


class Stage1(nn.Module):
    """One part, 16×32×32 to 16×32×32."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = ResidualSeparableConvBlock(16, kernel=5)

    def forward(self, x: Tensor) -> Tensor:
        return self.block1(x)  # (N, 16, 32, 32)


class Stage2(nn.Module):
    """Three parts, 16×32×32 to 32×16×16."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = SeparableConvBlock(16, 32, kernel=3, stride=2)
        self.block2 = ResidualSeparableConvBlock(32, kernel=3)
        self.block3 = ResidualSeparableConvBlock(32, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(x)  # (N, 32, 16, 16)
        x = self.block2(x)  # (N, 32, 16, 16)
        return self.block3(x)  # (N, 32, 16, 16)


class Stage3(nn.Module):
    """Two parts, 32×16×16 to 40×8×8."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = Bottleneck(32, 40, 192)
        self.block2 = ResidualBottleneck(40, 240)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(x)  # (N, 40, 8, 8)
        return self.block2(x)  # (N, 40, 8, 8)


class Stage4(nn.Module):
    """One part, 40×8×8 to 80×4×4."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = SqueezeBottleneck(40, 80, 120, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.block1(x)  # (N, 80, 4, 4)


class Stage5(nn.Module):
    """One part, 80×4×4 to 88×4×4."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = SeparableConvBlock(80, 88, kernel=5)

    def forward(self, x: Tensor) -> Tensor:
        return self.block1(x)  # (N, 88, 4, 4)


class Head(nn.Module):
    """1×1 convolution, batch norm, ReLU6, global average pooling, linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(88, 576, 1, bias=False)
        self.norm = nn.BatchNorm2d(576)
        self.linear = nn.Linear(576, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.norm(self.conv(x)))  # (N, 576, 4, 4)
        x = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)  # (N, 576)
        return self.linear(x)  # (N, 2)


class Model(nn.Module):
    """Images (N, 3, 32, 32) to logits (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = Stage1()
        self.stage2 = Stage2()
        self.stage3 = Stage3()
        self.stage4 = Stage4()
        self.stage5 = Stage5()
        self.head = Head()

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 16, 32, 32)
        x = self.stage2(x)  # (N, 32, 16, 16)
        x = self.stage3(x)  # (N, 40, 8, 8)
        x = self.stage4(x)  # (N, 80, 4, 4)
        x = self.stage5(x)  # (N, 88, 4, 4)
        return self.head(x)  # (N, 2)


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
