"""Inverted bottlenecks, as in MobileNetV2 and its searched successors: width, depth, kernel and expansion a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Shape
from architectures.operations.mbconv import ACTIVATIONS, InvertedBottleneck
from architectures.options import option
from architectures.spaces import register
from architectures.spaces.parts import Part, part
from architectures.spaces.space import Costs, Decision, Genotype, Space, SpaceError

WIDTHS = (16, 24, 40, 80, 112, 192, 320)  # MobileNetV2 and EfficientNet, a stage each
FACTORS = (0.5, 0.75, 1.0, 1.25)
SMALLEST_SIDE = 4  # pixels below which a stage no longer halves


@register("mobile")
@dataclass(frozen=True, kw_only=True)
class Mobile(Space):
    name: ClassVar[str] = "mobile"
    title: ClassVar[str] = "Mobile: stages of inverted bottlenecks"

    stages: int | None = option(
        None,
        "groups of blocks of one width; empty: by the size of the images",
        min=1,
        max=7,
        empty="the automatic choice",
        advanced=True,
    )
    max_depth: int = option(4, "most blocks of a stage", label="blocks per stage, at most", min=1, max=6, advanced=True)
    kernels: tuple[int, ...] = option(
        (3, 5, 7), "sides that a depthwise kernel may have", label="kernel sizes", choices=(3, 5, 7), advanced=True
    )
    expansions: tuple[int, ...] = option(
        (1, 3, 4, 6),
        "expansion ratios that a block may have",
        label="expansion ratios",
        choices=(1, 2, 3, 4, 6, 8),
        advanced=True,
    )
    squeeze: bool = option(
        True, "lets stages select squeeze-and-excitation", label="squeeze-and-excitation", advanced=True
    )
    activation: str = option("relu6", "activation of all blocks", choices=tuple(ACTIVATIONS), advanced=True)
    stem_stride: int | None = option(
        None,
        "reduction of the resolution by the first layer; empty: by the size of the images",
        choices=(1, 2),
        empty="the automatic choice",
        advanced=True,
    )

    def __post_init__(self) -> None:
        side = min(self.input_shape[1:])
        if self.stem_stride is None:
            object.__setattr__(self, "stem_stride", 2 if side >= 64 else 1)
        if self.stages is None:
            object.__setattr__(self, "stages", 3 if side < 28 else 5 if side < 64 else 7)
        after = -(-side // (self.stem_stride or 1))
        if after < SMALLEST_SIDE:
            raise SpaceError(
                "input_shape",
                f"must leave at least {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels after the stem, but leaves {after}",
            )

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """2 where the resolution is halved: from the second stage on, down to the smallest side, last of all late."""
        side = -(-min(self.input_shape[1:]) // (self.stem_stride or 1))
        found = []
        for stage in range(self.stages or 1):
            halves = stage > 0 and -(-side // 2) >= SMALLEST_SIDE and not (stage == 4 and self.stages == 7)
            found.append(2 if halves else 1)
            side = -(-side // found[-1])
        return tuple(found)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = []
        for number in range(1, (self.stages or 1) + 1):
            stage = f"stage{number}"
            found += [
                Decision(f"{stage}.width", tuple(map(str, self._widths[number - 1])), stage),
                Decision(f"{stage}.depth", tuple(map(str, range(1, self.max_depth + 1))), stage),
                Decision(f"{stage}.kernel", tuple(map(str, self.kernels)), stage),
                Decision(f"{stage}.expansion", tuple(map(str, self.expansions)), stage),
                Decision(f"{stage}.squeeze", ("no", "yes") if self.squeeze else ("no",), stage),
            ]
        return tuple(found)

    @cached_property
    def _widths(self) -> tuple[tuple[int, ...], ...]:
        """The widths that each stage may have."""
        return tuple(
            tuple(dict.fromkeys(max(8, int(width * factor / 8 + 0.5) * 8) for factor in FACTORS))
            for width in WIDTHS[: self.stages]
        )

    def decode(self, genotype: Sequence[int], prune: bool = True) -> Graph:
        found = self.checked(genotype)
        builder = Builder(self.input_shape, literal=not prune)
        x = self._stem(builder, "input")
        for number in range(1, len(self.strides) + 1):
            with builder.scope(f"stage{number}"):
                x = self._stage(builder, x, number, found[5 * number - 5 : 5 * number])
        self._head(builder, x)
        return builder.build()

    def _stem(self, builder: Builder, x: str) -> str:
        with builder.scope("stem"):
            x = builder.add("conv", Conv2d(WIDTHS[0], stride=self.stem_stride or 1), x)
            x = builder.add("norm", BatchNorm(), x)
            return builder.add("activation", ACTIVATIONS[self.activation], x)

    def _stage(self, builder: Builder, x: str, number: int, choices: Genotype) -> str:
        width, depth, kernel, expansion, squeeze = choices
        block = InvertedBottleneck(self.kernels[kernel], self.expansions[expansion], bool(squeeze), self.activation)
        for place in range(depth + 1):
            with builder.scope(f"block{place + 1}"):
                stride = self.strides[number - 1] if place == 0 else 1
                x = block.expand(builder, x, self._widths[number - 1][width], stride)
        return x

    def _head(self, builder: Builder, x: str) -> str:
        with builder.scope("head"):
            x = builder.add("conv", Conv2d(4 * self._widths[-1][-1], kernel=1, padding=0), x)
            x = builder.add("norm", BatchNorm(), x)
            x = builder.add("activation", ACTIVATIONS[self.activation], x)
            x = builder.add("pool", GlobalAvgPool(), x)
            x = builder.add("flatten", Flatten(), x)
            return builder.add("linear", Linear(self.classes), x)

    def costs(self, genotype: Genotype) -> Costs:
        params, macs, shape = self._parts("stem", self.input_shape, ())
        for number in range(1, len(self.strides) + 1):
            stage = self._parts(number, shape, genotype[5 * number - 5 : 5 * number])
            params, macs, shape = params + stage.params, macs + stage.macs, stage.shape
        head = self._parts("head", shape, ())
        return Costs(params + head.params, macs + head.macs)

    @cached_property
    def _parts(self) -> Callable[[str | int, Shape, Genotype], Part]:
        def count(name: str | int, shape: Shape, choices: Genotype) -> Part:
            if isinstance(name, int):
                return part(lambda builder, x: self._stage(builder, x, name, choices), shape)
            return part(self._stem if name == "stem" else self._head, shape)

        return lru_cache(maxsize=1 << 14)(count)

    def describe(self, genotype: Sequence[int]) -> str:
        """ "24: 2 × k5 e4 se | …": width, blocks, kernel, expansion, one part a stage."""
        found, parts = self.checked(genotype), []
        for number in range(1, (self.stages or 1) + 1):
            of_stage = range(5 * number - 5, 5 * number)
            width, depth, kernel, expansion, squeeze = (self.decisions[i].choices[found[i]] for i in of_stage)
            parts.append(f"{width}: {depth} × k{kernel} e{expansion}{' se' if squeeze == 'yes' else ''}")
        return " | ".join(parts)
