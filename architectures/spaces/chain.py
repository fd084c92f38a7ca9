"""The chain: a stem, stages of layers with free operations and skip connections, a head.

A layer is one operation; up to two earlier outputs are added to it. "skip 2" means the output before the previous one,
counting only outputs that differ, so that a layer that does nothing shifts nobody's skips. A stage beyond the first
begins with stride 2 and may change the width; a skip that meets another shape is projected (1×1 convolution).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from math import log2, prod
from random import Random
from typing import Any, ClassVar

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, MaxPool, Relu
from architectures.operations import Operation
from architectures.operations import get as operation
from architectures.operations import names as operation_names
from architectures.operations.parts import project
from architectures.operations.skip_connect import SkipConnect
from architectures.options import option
from architectures.spaces import register
from architectures.spaces.parts import Part, operation_part, part
from architectures.spaces.space import Costs, Decision, Genotype, Space, SpaceError, Variation

WIDTHS = (16, 32, 64, 128, 256, 512)
OFFERED_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
OPERATIONS = (
    "conv3x3",
    "conv5x5",
    "depthwise_conv",
    "sep_conv3x3",
    "dil_conv3x3",
    "max_pool",
    "avg_pool",
    "skip_connect",
)
# Whatever else is registered may be chosen, too; but not the missing connection of cells, nor what ends in a sum of its
# own, since a layer sums its skip connections.
OFFERED = (*OPERATIONS, *(name for name in operation_names() if name not in (*OPERATIONS, "none", "mbconv")))
PROJECTION = SkipConnect()
SMALLEST_SIDE = 2  # pixels that the last stage must still see


@dataclass(frozen=True)
class Layer:
    """One layer of a genotype: indices into the operations and the skip choices."""

    operation: int
    skip: int


@dataclass(frozen=True)
class Stage:
    """One stage of a genotype: index into the widths, and its layers."""

    width: int
    layers: tuple[Layer, ...]


@register("chain")
@dataclass(frozen=True, kw_only=True)
class Chain(Space):
    name: ClassVar[str] = "chain"
    title: ClassVar[str] = "Chain: stages of layers with skip connections"

    stages: int | None = option(
        None,
        "each later stage halves the resolution; empty: by the size of the images",
        min=1,
        max=6,
        empty="the automatic choice",
        advanced=True,
    )
    min_layers: int = option(2, "fewest layers of a network", label="layers, at least", min=1, max=20, advanced=True)
    max_layers: int | None = option(
        None,
        "most layers of a network; empty: by the size of the images",
        label="layers, at most",
        min=2,
        max=20,
        empty="the automatic choice",
        advanced=True,
    )
    widths: tuple[int, ...] | None = option(
        None,
        "channels that a stage may have; none selected: by the size of the images",
        label="channels",
        choices=OFFERED_WIDTHS,
        empty="the automatic choice",
        advanced=True,
    )
    operations: tuple[str, ...] = option(OPERATIONS, "operations that a layer may be", choices=OFFERED, advanced=True)
    max_skips: int = option(
        2,
        "most skip connections into a layer",
        label="skip connections per layer, at most",
        min=0,
        max=2,
        advanced=True,
    )
    skip_reach: int = option(
        3,
        "how many layers back a skip connection may begin",
        label="reach of skip connections",
        min=1,
        max=5,
        advanced=True,
    )
    stem_stride: int | None = option(
        None,
        "reduction of the resolution by the first layer; empty: by the size of the images",
        choices=(1, 2, 4),
        empty="the automatic choice",
        advanced=True,
    )

    def __post_init__(self) -> None:
        side = min(self.input_shape[1:])
        self._settle("stem_stride", 4 if side >= 192 else 2 if side >= 96 else 1)
        side = -(-side // (self.stem_stride or 1))
        self._settle("stages", max(2 if side >= 2 * SMALLEST_SIDE else 1, min(5, int(log2(max(side, 7) / 7)) + 1)))
        self._settle("max_layers", max(8 if side <= 16 else 12, self.min_layers, self.stages or 1))
        self._settle("widths", WIDTHS[:3] if side <= 16 else WIDTHS[:4] if self.stem_stride == 1 else WIDTHS)
        self._check(side)
        object.__setattr__(self, "widths", tuple(sorted(self.widths or ())))

    def _settle(self, name: str, default: Any) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, default)

    def _check(self, side: int) -> None:
        stages, most = self.stages or 1, self.max_layers or 1
        last = -(-side // 2 ** (stages - 1))
        height, width = self.input_shape[1:]
        if side < SMALLEST_SIDE:
            rule = (
                f"must leave {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels or more after the stem (stride {self.stem_stride})"
            )
            raise SpaceError("input_shape", f"{rule}, but is {height}×{width}")
        if last < SMALLEST_SIDE:
            fit = max(count for count in range(1, stages) if -(-side // 2 ** (count - 1)) >= SMALLEST_SIDE)
            raise SpaceError(
                "stages",
                f"must be at most {fit} for an input of {height}×{width} (the last one sees {SMALLEST_SIDE}×"
                f"{SMALLEST_SIDE} pixels or more), but is {stages}",
            )
        if most < stages:
            raise SpaceError("max_layers", f"must be at least the number of stages ({stages}), but is {most}")
        if self.min_layers > most:
            raise SpaceError("min_layers", f"must be at most max_layers ({most}), but is {self.min_layers}")

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = []
        for number, depths in enumerate(self._depths, 1):
            stage = f"stage{number}"
            found += [
                Decision(f"{stage}.width", tuple(map(str, self.widths or ())), stage),
                Decision(f"{stage}.depth", tuple(map(str, depths)), stage),
            ]
            for layer in range(1, depths[-1] + 1):
                block = f"{stage}.layer{layer}"
                found += [
                    Decision(f"{block}.operation", self.operations, block),
                    Decision(f"{block}.skip", self._skip_names, block),
                ]
        return tuple(found)

    @property
    def size(self) -> int:
        """Every depth counted, skips that reach before the stem left out, layers that do nothing counted."""
        totals = {0: 1}  # layers so far: genotypes
        for depths in self._depths:
            grown: dict[int, int] = {}
            for before, count in totals.items():
                for depth in depths:
                    ways = prod(self._choices_at(before + layer) for layer in range(1, depth + 1))
                    ways *= len(self.widths or ()) if depth else 1
                    grown[before + depth] = grown.get(before + depth, 0) + count * ways
            totals = grown
        return sum(totals.values())

    def _choices_at(self, layer: int) -> int:
        return len(self.operations) * sum(1 for skips in self._skips if all(skip <= layer for skip in skips))

    # Genotype to stages and back

    @cached_property
    def _depths(self) -> tuple[range, ...]:
        """Depths of each stage; fewest and most are spread evenly, so that any sum is within the bounds."""
        count = self.stages or 1
        fewest = [self.min_layers // count + (index < self.min_layers % count) for index in range(count)]
        most = [(self.max_layers or 1) // count + (index < (self.max_layers or 1) % count) for index in range(count)]
        return tuple(range(low, high + 1) for low, high in zip(fewest, most, strict=True))

    @cached_property
    def _skips(self) -> tuple[tuple[int, ...], ...]:
        reach = range(1, self.skip_reach + 1)
        return tuple(each for count in range(self.max_skips + 1) for each in combinations(reach, count))

    @cached_property
    def _skip_names(self) -> tuple[str, ...]:
        return tuple("+".join(map(str, skips)) or "none" for skips in self._skips)

    @cached_property
    def _skip_index(self) -> dict[tuple[int, ...], int]:
        return {skips: index for index, skips in enumerate(self._skips)}

    @cached_property
    def _identity(self) -> int:
        """The index of skip_connect, or -1."""
        return self.operations.index("skip_connect") if "skip_connect" in self.operations else -1

    def read(self, genotype: Genotype) -> list[Stage]:
        """The stages as the genotype has them; empty ones have no layers."""
        found, at = [], 0
        for depths in self._depths:
            depth, first = depths[genotype[at + 1]], at + 2
            layers = tuple(Layer(genotype[k], genotype[k + 1]) for k in range(first, first + 2 * depth, 2))
            found.append(Stage(genotype[at], layers))
            at = first + 2 * depths[-1]
        return found

    def write(self, stages: Sequence[Stage]) -> Genotype:
        found: list[int] = []
        for depths, stage in zip(self._depths, stages, strict=True):
            found += [stage.width, depths.index(len(stage.layers))]
            for layer in stage.layers:
                found += [layer.operation, layer.skip]
            found += [0] * (2 * (depths[-1] - len(stage.layers)))
        return tuple(found)

    def canonical(self, genotype: Sequence[int]) -> Genotype:
        """Empty stages last, no impossible skips, layers that do nothing dropped (last, where a stage needs them)."""
        stages = [stage for stage in self.read(self.checked(genotype)) if stage.layers]
        outputs, found = 1, []
        for number, stage in enumerate(stages):
            kept = []
            for place, layer in enumerate(stage.layers):
                is_identity = layer.operation == self._identity and (place > 0 or number == 0)
                skips = tuple([s for s in self._skips[layer.skip] if s <= outputs and not (is_identity and s == 1)])
                if is_identity and not skips:
                    continue
                kept.append(Layer(layer.operation, self._skip_index[skips]))
                outputs += 1
            missing = self._depths[number].start - len(kept)
            kept += [Layer(self._identity, 0)] * missing
            found.append(Stage(stage.width, tuple(kept)))
        found = [stage for stage in found if stage.layers]
        return self.write(found + [Stage(0, ())] * (len(self._depths) - len(found)))

    def relevant(self, genotype: Sequence[int]) -> tuple[bool, ...]:
        found: list[bool] = []
        for depths, stage in zip(self._depths, self.read(self.checked(genotype)), strict=True):
            depth = len(stage.layers)
            found += [depth > 0, True] + [True] * (2 * depth) + [False] * (2 * (depths[-1] - depth))
        return tuple(found)

    # Genotype to graph

    def decode(self, genotype: Sequence[int], prune: bool = True) -> Graph:
        found = self.canonical(genotype) if prune else self.checked(genotype)
        builder = Builder(self.input_shape, literal=not prune)
        stages = [stage for stage in self.read(found) if stage.layers]
        widths = self.widths or ()
        x = self.stem(builder, widths[stages[0].width] if stages else widths[0])
        outputs = [(x, 1)]  # distinct outputs, each with its reduction
        for number, stage in enumerate(stages):
            with builder.scope(f"stage{number + 1}"):
                for place, layer in enumerate(stage.layers):
                    stride = 2 if place == 0 and number > 0 else 1
                    with builder.scope(f"layer{place + 1}"):
                        x = self._layer(builder, outputs, layer, widths[stage.width], stride)
        self.head(builder, x)
        return builder.build()

    def stem(self, builder: Builder, channels: int) -> str:
        with builder.scope("stem"):
            x = builder.add("conv", Conv2d(channels, stride=min(2, self.stem_stride or 1)), "input")
            x = builder.add("norm", BatchNorm(), x)
            x = builder.add("activation", Relu(), x)
            return builder.add("pool", MaxPool(stride=2), x) if self.stem_stride == 4 else x

    def _layer(self, builder: Builder, outputs: list[tuple[str, int]], layer: Layer, channels: int, stride: int) -> str:
        before, reduction = outputs[-1]
        reduction *= stride
        x = self._expanders[layer.operation].expand(builder, before, channels, stride)
        is_identity = layer.operation == self._identity and stride == 1 and builder.shape(before)[0] == channels
        terms = [x]
        for skip in self._skips[layer.skip]:
            if skip <= len(outputs) and not (is_identity and skip == 1):
                source, its_reduction = outputs[-skip]
                if its_reduction == reduction and builder.shape(source)[0] == channels:
                    terms.append(source)
                else:
                    with builder.scope(f"skip{skip}"):
                        terms.append(project(builder, source, channels, reduction // its_reduction))
        if len(terms) > 1:
            x = builder.add("add", Add(), *terms)
        if len(terms) > 1 or not is_identity:
            outputs.append((x, reduction))
        return x

    def head(self, builder: Builder, x: str) -> None:
        with builder.scope("head"):
            x = builder.add("pool", GlobalAvgPool(), x)
            x = builder.add("flatten", Flatten(), x)
            builder.add("linear", Linear(self.classes), x)

    @cached_property
    def _expanders(self) -> tuple[Operation, ...]:
        return tuple(operation(name)() for name in self.operations)

    def costs(self, genotype: Genotype) -> Costs:
        widths, stages = self.widths or (), [stage for stage in self.read(genotype) if stage.layers]
        stem = self._stem_part(widths[stages[0].width])
        params, macs, shape = stem
        outputs = [(shape, 1)]
        for number, stage in enumerate(stages):
            channels = widths[stage.width]
            for place, layer in enumerate(stage.layers):
                stride = 2 if place == 0 and number > 0 else 1
                before, reduction = outputs[-1]
                reduction *= stride
                of_layer = operation_part(self._expanders[layer.operation], before, channels, stride)
                params, macs = params + of_layer.params, macs + of_layer.macs
                is_identity = layer.operation == self._identity and of_layer.shape == before
                for skip in self._skips[layer.skip]:
                    source, its_reduction = outputs[-skip]
                    projected = operation_part(PROJECTION, source, channels, reduction // its_reduction)
                    params, macs = params + projected.params, macs + projected.macs
                if not is_identity or layer.skip:
                    outputs.append((of_layer.shape, reduction))
        last = (outputs[-1][0][0] + 1) * self.classes
        return Costs(params + last, macs + last - self.classes)

    @cached_property
    def _stem_part(self) -> Callable[[int], Part]:
        return cache(lambda channels: part(lambda builder, x: self.stem(builder, channels), self.input_shape))

    # Variation

    def moves(self, parent: Genotype, random: Random) -> Iterable[Variation]:
        """Half of the time a layer is inserted or deleted (in its place, not at the end), else one decision changes."""
        if random.random() < 0.5:
            yield from self._insertions_and_deletions(parent, random)
        depth = {index for index, decision in enumerate(self.decisions) if decision.name.endswith(".depth")}
        for move in super().moves(parent, random):
            if all(move.genotype[index] == parent[index] for index in depth):
                yield move
        yield from self._insertions_and_deletions(parent, random)

    def _insertions_and_deletions(self, parent: Genotype, random: Random) -> Iterable[Variation]:
        stages = self.read(parent)
        places = [
            (number, place, insert)
            for number, stage in enumerate(stages)
            for place in range(len(stage.layers) + 1)
            for insert in (True, False)
            if (len(stage.layers) + 1 if insert else len(stage.layers) - 1) in self._depths[number]
            and (insert or place < len(stage.layers))
        ]
        random.shuffle(places)
        for number, place, insert in places:
            stage = stages[number]
            layers = list(stage.layers)
            block = f"stage{number + 1}.layer{place + 1}"
            if insert:
                layer = Layer(random.randrange(len(self.operations)), random.randrange(len(self._skips)))
                layers.insert(place, layer)
                words = f"insert {block}: {self._layer_words(layer)}"
            else:
                words = f"delete {block}: {self._layer_words(layers.pop(place))}"
            changed = [*stages[:number], Stage(stage.width, tuple(layers)), *stages[number + 1 :]]
            yield Variation(self.write(changed), words)

    def _layer_words(self, layer: Layer) -> str:
        return f"{self.operations[layer.operation]}, skip {self._skip_names[layer.skip]}"

    def describe(self, genotype: Sequence[int]) -> str:
        """ "32: conv3x3, sep_conv3x3 +1 | 64: max_pool": widths, layers and skips, one part a stage."""
        widths = self.widths or ()
        parts = []
        for stage in self.read(self.canonical(genotype)):
            if stage.layers:
                layers = [
                    self.operations[layer.operation] + (f" +{self._skip_names[layer.skip]}" if layer.skip else "")
                    for layer in stage.layers
                ]
                parts.append(f"{widths[stage.width]}: {', '.join(layers)}")
        return " | ".join(parts)
