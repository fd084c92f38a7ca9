"""Primitives: each says its output shape, parameters, multiply-adds and stored values once; all readers ask here.

Shapes are without the batch: (C, H, W) or (F,). Padding is an explicit integer and padded kernels are odd, because
"same" padding means different things in different frameworks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, ClassVar, NamedTuple

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]

LARGEST_ATTRIBUTE = 65_536


class ShapeError(ValueError):
    """A primitive does not accept these inputs or attributes: the rule and the values that break it."""

    def __init__(self, rule: str, values: str) -> None:
        super().__init__(f"{rule}, but {values}")
        self.rule, self.values = rule, values


class Primitive:
    """A node's computation. Subclasses are frozen dataclasses; their fields are its attributes in JSON."""

    __slots__ = ()

    kind: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1  # None: two or more inputs
    commutative: ClassVar[bool] = False
    moves_bytes: ClassVar[bool] = True  # False: a view or nothing at all
    passes_gradient: ClassVar[bool] = False  # to its inputs as it comes
    saves_inputs: ClassVar[bool] = False  # what training keeps for the backward pass
    saves_output: ClassVar[bool] = False
    saved_bytes_per_output: ClassVar[int] = 0  # indices or masks beside the values

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.kind = cls.__name__
        KINDS[cls.kind] = cls  # a slotted dataclass is created twice, the second one is the class in use

    def infer(self, shapes: Shapes) -> Shape:
        """Returns the output's shape without the batch, such as (C, H, W), from those of the inputs.

        Raises ShapeError where the inputs or the attributes do not fit.
        """
        return shapes[0]

    def params(self, shapes: Shapes) -> int:
        return 0

    def buffers(self, shapes: Shapes) -> int:
        """Stored values that are not learnt (running statistics)."""
        return 0

    def macs(self, shapes: Shapes, out: Shape) -> int:
        return 0


KINDS: dict[str, type[Primitive]] = {}


def _image(shapes: Shapes) -> tuple[int, int, int]:
    if len(shapes[0]) != 3:
        raise ShapeError("the input must be (channels, height, width)", f"is {shapes[0]}")
    channels, height, width = shapes[0]
    return channels, height, width


def _positive(**values: int) -> None:
    for name, value in values.items():
        if not 1 <= value <= LARGEST_ATTRIBUTE:
            raise ShapeError(f"{name} must be between 1 and {LARGEST_ATTRIBUTE}", f"is {value}")


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    if kernel % 2 == 0 and padding:
        raise ShapeError("a padded kernel must be odd", f"is {kernel} with padding {padding}")
    if not 0 <= padding <= LARGEST_ATTRIBUTE:
        raise ShapeError(f"padding must be between 0 and {LARGEST_ATTRIBUTE}", f"is {padding}")
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        raise ShapeError("the window must fit into the padded input", f"{reach} > {size} + 2 × {padding}")
    return (size + 2 * padding - reach) // stride + 1


@dataclass(frozen=True, slots=True)
class Input(Primitive):
    arity: ClassVar[int | None] = 0
    moves_bytes: ClassVar[bool] = False
    shape: Shape

    def infer(self, shapes: Shapes) -> Shape:
        if len(self.shape) not in (1, 3):
            raise ShapeError("the input must be (channels, height, width) or (features,)", f"is {self.shape}")
        _positive(**{f"input[{index}]": size for index, size in enumerate(self.shape)})
        return self.shape


@dataclass(frozen=True, slots=True)
class Conv2d(Primitive):
    saves_inputs: ClassVar[bool] = True
    out_channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    def infer(self, shapes: Shapes) -> Shape:
        channels, height, width = _image(shapes)
        _positive(
            out_channels=self.out_channels,
            kernel=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
            groups=self.groups,
        )
        if channels % self.groups or self.out_channels % self.groups:
            raise ShapeError(
                "groups must divide the input and output channels",
                f"groups is {self.groups} with {channels} and {self.out_channels} channels",
            )
        rows = _window(height, self.kernel, self.stride, self.padding, self.dilation)
        return self.out_channels, rows, _window(width, self.kernel, self.stride, self.padding, self.dilation)

    def params(self, shapes: Shapes) -> int:
        weights = self.out_channels * (shapes[0][0] // self.groups) * self.kernel**2
        return weights + self.out_channels * self.bias

    def macs(self, shapes: Shapes, out: Shape) -> int:
        return prod(out) * (shapes[0][0] // self.groups) * self.kernel**2


@dataclass(frozen=True, slots=True)
class BatchNorm(Primitive):
    saves_inputs: ClassVar[bool] = True
    eps: float = 1e-5
    momentum: float = 0.1  # torch's meaning: the share of the new batch

    def infer(self, shapes: Shapes) -> Shape:
        _image(shapes)
        if not 0 < self.eps < 1:
            raise ShapeError("eps must be between 0 and 1", f"is {self.eps}")
        if not 0 < self.momentum <= 1:
            raise ShapeError("momentum must be above 0 and at most 1", f"is {self.momentum}")
        return shapes[0]

    def params(self, shapes: Shapes) -> int:
        return 2 * shapes[0][0]

    def buffers(self, shapes: Shapes) -> int:
        return 2 * shapes[0][0]


@dataclass(frozen=True, slots=True)
class Relu(Primitive):
    saves_output: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Relu6(Primitive):
    saves_inputs: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class HardSwish(Primitive):
    saves_inputs: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class HardSigmoid(Primitive):
    saves_inputs: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Sigmoid(Primitive):
    saves_output: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class _Pool(Primitive):
    saves_inputs: ClassVar[bool] = True
    kernel: int = 3
    stride: int = 1
    padding: int = 1

    def infer(self, shapes: Shapes) -> Shape:
        channels, height, width = _image(shapes)
        _positive(kernel=self.kernel, stride=self.stride)
        if self.padding > self.kernel // 2:
            raise ShapeError("padding must be at most half the kernel", f"is {self.padding} with kernel {self.kernel}")
        rows = _window(height, self.kernel, self.stride, self.padding)
        return channels, rows, _window(width, self.kernel, self.stride, self.padding)


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    saved_bytes_per_output: ClassVar[int] = 8  # the position of each maximum


@dataclass(frozen=True, slots=True)
class AvgPool(_Pool):
    """Padding does not count in the mean (`count_include_pad=False`)."""


@dataclass(frozen=True, slots=True)
class Add(Primitive):
    passes_gradient: ClassVar[bool] = True
    arity: ClassVar[int | None] = None
    commutative: ClassVar[bool] = True

    def infer(self, shapes: Shapes) -> Shape:
        for shape in shapes[1:]:
            if shape != shapes[0]:
                raise ShapeError("the inputs of an addition must have one shape", f"are {_list(shapes)}")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Multiply(Primitive):
    """Scale the first input, (C, H, W), by the second, of the same shape or (C, 1, 1)."""

    arity: ClassVar[int | None] = 2
    saves_inputs: ClassVar[bool] = True

    def infer(self, shapes: Shapes) -> Shape:
        if shapes[1] not in (shapes[0], (shapes[0][0], 1, 1)):
            raise ShapeError("the second factor must have the first one's shape or (C, 1, 1)", f"are {_list(shapes)}")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Concat(Primitive):
    """Along the channels."""

    arity: ClassVar[int | None] = None

    def infer(self, shapes: Shapes) -> Shape:
        if len({shape[1:] for shape in shapes}) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise ShapeError("concatenated inputs must agree in all but the channels", f"are {_list(shapes)}")
        return sum(shape[0] for shape in shapes), *shapes[0][1:]


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Primitive):
    """(C, H, W) to (C, 1, 1)."""

    def infer(self, shapes: Shapes) -> Shape:
        return _image(shapes)[0], 1, 1


@dataclass(frozen=True, slots=True)
class Flatten(Primitive):
    passes_gradient: ClassVar[bool] = True
    moves_bytes: ClassVar[bool] = False

    def infer(self, shapes: Shapes) -> Shape:
        return (prod(shapes[0]),)


@dataclass(frozen=True, slots=True)
class Linear(Primitive):
    saves_inputs: ClassVar[bool] = True
    out_features: int
    bias: bool = True

    def infer(self, shapes: Shapes) -> Shape:
        if len(shapes[0]) != 1:
            raise ShapeError("the input must be (features,)", f"is {shapes[0]}")
        _positive(out_features=self.out_features)
        return (self.out_features,)

    def params(self, shapes: Shapes) -> int:
        return self.out_features * (shapes[0][0] + self.bias)

    def macs(self, shapes: Shapes, out: Shape) -> int:
        return self.out_features * shapes[0][0]


@dataclass(frozen=True, slots=True)
class Identity(Primitive):
    passes_gradient: ClassVar[bool] = True
    moves_bytes: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Zero(Primitive):
    """Nothing: zeros of the input's shape, or of every stride-th row and column."""

    stride: int = 1

    def infer(self, shapes: Shapes) -> Shape:
        channels, height, width = _image(shapes)
        _positive(stride=self.stride)
        return channels, -(-height // self.stride), -(-width // self.stride)


@dataclass(frozen=True, slots=True)
class Dropout(Primitive):
    saved_bytes_per_output: ClassVar[int] = 1  # the mask
    rate: float = 0.2

    def infer(self, shapes: Shapes) -> Shape:
        if not 0 <= self.rate < 1:
            raise ShapeError("the rate must be at least 0 and below 1", f"is {self.rate}")
        return shapes[0]


del KINDS["_Pool"]


def _list(shapes: Shapes) -> str:
    return " and ".join(str(shape) for shape in shapes)


class Facts(NamedTuple):
    """What a primitive says about itself for given input shapes (batch 1)."""

    shape: Shape
    size: int  # values of the output
    params: int
    stored: int  # params and buffers
    macs: int
    moved: int  # values read and written once, weights included


@lru_cache(maxsize=1 << 16)
def facts(primitive: Primitive, shapes: Shapes) -> Facts:
    """Returns the shape and the counts of a primitive on such inputs. Raises ShapeError where their number is wrong.

    Results are cached per (primitive, shapes): a search asks the same few hundred questions over and over.
    """
    arity = primitive.arity
    if arity is None and len(shapes) < 2:
        raise ShapeError(f"{primitive.kind} needs at least two inputs", f"has {len(shapes)}")
    if arity is not None and len(shapes) != arity:
        raise ShapeError(f"{primitive.kind} needs exactly {arity} input{'s' * (arity != 1)}", f"has {len(shapes)}")
    shape = primitive.infer(shapes)
    size, params = prod(shape), primitive.params(shapes)
    stored = params + primitive.buffers(shapes)
    moved = size + stored + sum(prod(each) for each in shapes) if primitive.moves_bytes else 0
    return Facts(shape, size, params, stored, primitive.macs(shapes, shape), moved)
