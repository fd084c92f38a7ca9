"""Runs a supergraph with torch: all operations mixed (DARTS, arXiv 1806.09055), or one path of them.

A path's weights are slices of the widest; with them it computes exactly what the network of its genotype computes
(batch norms by the batch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.ir.graph import Node
from architectures.ir.primitives import BatchNorm, Conv2d, Linear
from architectures.nets.module import _attach, _module, initialise
from architectures.nets.supernet_graph import Mixture, Restore, Share, Supergraph, WidthMask

OWN = (Mixture, WidthMask, Share, Restore)


@dataclass(frozen=True)
class Path:
    """One choice for each decision; and, where alphas learn, a rival with gates.

    A gate is 1 for what is chosen and 0 for its rival, with the gradient of both's probabilities (the straight-through
    estimate of GDAS, arXiv 1910.04465). The rival is run forward only, as in ProxylessNAS (arXiv 1812.00332): without
    it, a gate before a batch norm would have no gradient at all, for the norm takes any scale out again.
    """

    chosen: tuple[int, ...]
    rivals: tuple[int, ...] = ()  # empty: weights learn, alphas do not
    gates: Tensor | None = None  # (decisions, 2): of the chosen and of the rival


class Supernet(nn.Module):
    """Weights of every operation, at the widest. Batch norms use the batch: no statistics would suit all paths."""

    def __init__(self, description: Supergraph, seed: int) -> None:
        super().__init__()
        self.description = description
        nodes = description.graph.nodes
        self._position = {node.name: place for place, node in enumerate(nodes)}
        self._inputs = [tuple(self._position[name] for name in node.inputs) for node in nodes]
        self._nodes = nodes
        self._layers: list[nn.Module | None] = [None] * len(nodes)
        with torch.device("meta"):
            for place, node in enumerate(nodes[1:], 1):
                if not isinstance(node.primitive, OWN):
                    shapes = tuple(nodes[each].shape for each in self._inputs[place])
                    layer = _module(node.primitive, shapes)
                    _attach(self, node.name, layer)
                    self._layers[place] = layer
        self.to_empty(device="cpu")
        initialise(self, seed)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean = layer.running_var = layer.num_batches_tracked = None
        self.auxiliary = 0.0  # weight of the skip connections that are no choice
        self._masks = [_mask(node) for node in nodes]
        self._width_of = [self._width(node) for node in nodes]
        self._plan = lru_cache(maxsize=16)(self._planned)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _width(self, node: Node) -> tuple[int, tuple[int, ...]] | None:
        return self.description.widths.get(node.name.partition(".")[0]) if isinstance(node.primitive, Conv2d) else None

    def forward(self, images: Tensor, weights: Path | Sequence[Tensor]) -> Tensor:  # (N, C, H, W) -> (N, classes)
        """Maps images (N, C, H, W) to logits (N, classes), by one path or by each decision's
        probabilities (choices,).
        """
        return self.path(images, weights) if isinstance(weights, Path) else self.mixed(images, weights)

    # All operations

    def mixed(self, images: Tensor, probabilities: Sequence[Tensor]) -> Tensor:
        """Maps images (N, C, H, W) to logits (N, classes), all operations weighted by probabilities (choices,)."""
        order, done = self._plan(None, None, self.auxiliary > 0)
        values = {0: images}
        for place, _ in order:
            inputs = [values[each] for each in self._inputs[place]]  # the edge's own is an operation's input, too
            primitive = self._nodes[place].primitive
            if isinstance(primitive, Mixture):
                shares = probabilities[primitive.decision]
                total = None
                for x, members in zip(inputs, primitive.members, strict=False):
                    term = x * _share(shares, members) if members else x
                    total = term if total is None else total + term
                assert total is not None
                if primitive.has_auxiliary and self.auxiliary:
                    total = total + self.auxiliary * inputs[-1]
                values[place] = total
            elif isinstance(primitive, WidthMask):
                mask = self._masks[place]
                assert mask is not None
                values[place] = inputs[0] * _channels(probabilities[primitive.decision] @ mask, inputs[0])
            else:
                values[place] = self._run(place, inputs, None)
            for each in done[place]:
                del values[each]
        return values[len(self._nodes) - 1]

    # One path

    def path(self, images: Tensor, path: Path) -> Tensor:
        """Runs the chosen operations alone: images (N, C, H, W) to logits (N, classes)."""
        order, done = self._plan(path.chosen, path.rivals or None, self.auxiliary > 0)
        values = {0: images}
        learns = torch.is_grad_enabled()
        for place, is_rivals in order:
            inputs = [values.get(each) for each in self._inputs[place]]
            primitive = self._nodes[place].primitive
            with torch.set_grad_enabled(learns and not is_rivals):
                if isinstance(primitive, Mixture):
                    values[place] = self._gated(primitive, inputs, path)
                elif isinstance(primitive, WidthMask):
                    values[place] = self._narrowed(place, primitive, inputs[0], path)
                else:
                    values[place] = self._run(place, inputs, path)
            for each in done[place]:
                del values[each]
        return values[len(self._nodes) - 1]

    def _gated(self, mixture: Mixture, inputs: Sequence[Tensor | None], path: Path) -> Tensor:
        chosen = path.chosen[mixture.decision]
        rival = path.rivals[mixture.decision] if path.rivals else chosen
        total: Tensor | None = None
        for x, members in zip(inputs, mixture.members, strict=False):
            gate = _gate(path, mixture.decision, chosen in members, rival in members) if members else None
            if x is None or (members and chosen not in members and gate is None):
                continue
            term = x if gate is None else x * gate
            total = term if total is None else total + term
        assert total is not None
        if mixture.has_auxiliary and self.auxiliary:
            assert inputs[-1] is not None
            total = total + self.auxiliary * inputs[-1]
        return total

    def _narrowed(self, place: int, mask: WidthMask, x: Tensor | None, path: Path) -> Tensor:
        """The value is a slice already; where a rival width competes, channels beyond the chosen one are masked."""
        assert x is not None
        chosen = path.chosen[mask.decision]
        rival = path.rivals[mask.decision] if path.rivals else chosen
        if path.gates is None or rival == chosen:
            return x
        masks = self._masks[place]
        assert masks is not None
        gates = path.gates[mask.decision]
        return x * _channels(gates @ masks[[chosen, rival], : x.shape[1]], x)

    def _planned(
        self, chosen: tuple[int, ...] | None, rivals: tuple[int, ...] | None, has_auxiliary: bool = False
    ) -> tuple[list[tuple[int, bool]], dict[int, list[int]]]:
        """The nodes that a path needs, in order, and whether only a rival does; and what is done with after each."""
        last = len(self._nodes) - 1
        needed: dict[int, bool] = {last: False}  # position: whether only a rival needs it
        for place in range(last, 0, -1):
            if place not in needed:
                continue
            members: Sequence[tuple[int, ...]] = ((),) * len(self._inputs[place])
            primitive, decision = self._nodes[place].primitive, 0
            if isinstance(primitive, Mixture):
                decision = primitive.decision
                if chosen is not None:
                    members = (*primitive.members, *[()] * (primitive.has_auxiliary and has_auxiliary))
                elif primitive.has_auxiliary and not has_auxiliary:
                    members = members[:-1]
            for each, lets_in in zip(self._inputs[place], members, strict=False):
                if not lets_in or chosen is None or chosen[decision] in lets_in:
                    needed[each] = needed[place] and needed.get(each, True)
                elif rivals is not None and rivals[decision] in lets_in:
                    needed.setdefault(each, True)
        order = sorted(each for each in needed if each)
        readers = {source: place for place in order for source in self._inputs[place] if source in needed}
        done: dict[int, list[int]] = {place: [] for place in order}
        for source, place in readers.items():
            done[place].append(source)
        return [(place, needed[place]) for place in order], done

    # A node

    def _run(self, place: int, inputs: Sequence[Tensor | None], path: Path | None) -> Tensor:
        node, layer = self._nodes[place], self._layers[place]
        x = inputs[0]
        assert x is not None
        match node.primitive:
            case Conv2d() as conv:
                assert isinstance(layer, nn.Conv2d)
                weight, groups = layer.weight, conv.groups
                if path is not None and self._width_of[place] is not None:
                    weight, groups = self._sliced(place, conv, weight, x.shape[1], path)
                return functional.conv2d(x, weight, layer.bias, conv.stride, conv.padding, conv.dilation, groups)
            case BatchNorm() as norm:
                assert isinstance(layer, nn.BatchNorm2d)
                count = x.shape[1]
                return functional.batch_norm(
                    x, None, None, layer.weight[:count], layer.bias[:count], training=True, eps=norm.eps
                )
            case Linear():
                assert isinstance(layer, nn.Linear)
                return functional.linear(x, layer.weight[:, : x.shape[1]], layer.bias)
            case Share() as share:
                return x[:, share.first :: share.parts]
            case Restore() as restore:
                whole = x.clone()
                whole[:, restore.first :: restore.parts] = inputs[1]  # type: ignore[assignment]
                return whole
        assert layer is not None
        return layer(*inputs)  # type: ignore[no-any-return]

    def _sliced(self, place: int, conv: Conv2d, weight: Tensor, channels: int, path: Path) -> tuple[Tensor, int]:
        if conv.groups > 1:
            return weight[:channels], channels
        decision, widths = self._width_of[place]  # type: ignore[misc]  # the caller looked
        chosen = widths[path.chosen[decision]]
        rival = widths[path.rivals[decision]] if path.rivals else chosen
        return weight[: max(chosen, rival), :channels], 1


def _gate(path: Path, decision: int, is_chosen: bool, is_rival: bool) -> Tensor | None:
    """None where nothing depends on the alphas: both or neither let the input in."""
    if path.gates is None or is_chosen == is_rival:
        return None
    return path.gates[decision, 0 if is_chosen else 1]


def _share(shares: Tensor, members: tuple[int, ...]) -> Tensor:
    return shares[members[0]] if len(members) == 1 else shares[list(members)].sum()


def _channels(values: Tensor, x: Tensor) -> Tensor:
    """One factor for each channel; alphas live beside the CPU, whatever the weights live on."""
    return values.view(-1, 1, 1).to(x.device)


def _mask(node: Node) -> Tensor | None:
    """(choices, channels): ones where a width has a channel."""
    if not isinstance(node.primitive, WidthMask):
        return None
    channels = torch.arange(node.shape[0])
    return torch.stack([(channels < width).to(torch.float32) for width in node.primitive.widths])
