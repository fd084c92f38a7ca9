"""Places blocks: layers by longest path, boxes round scopes, lanes for arcs beside them."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.drawing.blocks import Block, Link

WIDTH, HEIGHT = 236, 46
GAP, COLUMN_GAP = 18, 22
PADDING, LABEL = 10, 16
LANE = 12


@dataclass(frozen=True)
class Box:
    """The frame of a scope."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Arc:
    """A link that does not go straight down: its lane lies at x, on the side (1: right, -1: left)."""

    link: Link
    x: float
    side: int
    is_outermost: bool  # no block stands between its ends and the lane


@dataclass(frozen=True)
class Layout:
    """Upper left corners of the blocks; x is 0 in the middle."""

    corners: tuple[tuple[float, float], ...]
    boxes: tuple[Box, ...]
    straight: tuple[Link, ...]
    arcs: tuple[Arc, ...]
    left: float
    right: float
    bottom: float


def layout(blocks: tuple[Block, ...], links: tuple[Link, ...]) -> Layout:
    ranks = _ranks(len(blocks), links)
    columns = _columns(ranks, links)
    corners = _corners(blocks, ranks, columns)
    boxes = _boxes(blocks, corners)
    main = {(link.source, link.target) for link in links if not link.is_skip}
    straight = tuple(
        link
        for link in links
        if ranks[link.target] == ranks[link.source] + 1 and (not link.is_skip or (link.source, link.target) not in main)
    )
    bent = [link for link in links if link not in straight]
    arcs = _arcs(bent, ranks, corners, boxes)
    xs = [x for x, _ in corners]
    edges = [box.x for box in boxes] + [arc.x for arc in arcs] + xs
    right = max([box.x + box.width for box in boxes] + [arc.x for arc in arcs] + [x + WIDTH for x in xs])
    bottom = max([box.y + box.height for box in boxes] + [y + HEIGHT for _, y in corners])
    return Layout(tuple(corners), boxes, straight, tuple(arcs), min(edges), right, bottom)


def _ranks(count: int, links: tuple[Link, ...]) -> list[int]:
    """Longest paths. A block never stands above one that comes before it in its scopes, as links go forward only."""
    ranks = [0] * count
    for link in sorted(links, key=lambda link: (link.target, link.source)):
        ranks[link.target] = max(ranks[link.target], ranks[link.source] + 1)
    return ranks


def _columns(ranks: list[int], links: tuple[Link, ...]) -> list[float]:
    """Blocks of a rank side by side, in the order of where their inputs stand."""
    columns = [0.0] * len(ranks)
    for rank in range(max(ranks) + 1):
        members = [index for index, each in enumerate(ranks) if each == rank]
        wish = {}
        for member in members:
            above = [columns[link.source] for link in links if link.target == member]
            wish[member] = sum(above) / len(above) if above else 0.0
        members.sort(key=lambda member: (wish[member], member))
        for place, member in enumerate(members):
            columns[member] = place - (len(members) - 1) / 2
    return columns


def _corners(blocks: tuple[Block, ...], ranks: list[int], columns: list[float]) -> list[tuple[float, float]]:
    first, last = _extents(blocks, ranks)
    tops, y = [], 0.0
    for rank in range(max(ranks) + 1):
        y += (PADDING + LABEL) * sum(1 for start in first.values() if start == rank)
        tops.append(y)
        y += HEIGHT + GAP + PADDING * sum(1 for end in last.values() if end == rank)
    return [(columns[index] * (WIDTH + COLUMN_GAP) - WIDTH / 2, tops[ranks[index]]) for index in range(len(blocks))]


def _extents(blocks: tuple[Block, ...], ranks: list[int]) -> tuple[dict[str, int], dict[str, int]]:
    """The first and the last rank of each scope."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for block, rank in zip(blocks, ranks, strict=True):
        for scope in block.scopes:
            first[scope] = min(first.get(scope, rank), rank)
            last[scope] = max(last.get(scope, rank), rank)
    return first, last


def _boxes(blocks: tuple[Block, ...], corners: list[tuple[float, float]]) -> tuple[Box, ...]:
    """A scope's frame holds its blocks and the frames inside it, innermost first."""
    frames: dict[str, tuple[float, float, float, float]] = {}
    scopes = sorted({scope for block in blocks for scope in block.scopes}, key=lambda scope: (-scope.count("."), scope))
    for scope in scopes:
        inside = [
            (x, y, x + WIDTH, y + HEIGHT)
            for block, (x, y) in zip(blocks, corners, strict=True)
            if scope in block.scopes
        ]
        inside += [frame for name, frame in frames.items() if name.startswith(f"{scope}.")]
        frames[scope] = (
            min(frame[0] for frame in inside) - PADDING,
            min(frame[1] for frame in inside) - PADDING - LABEL,
            max(frame[2] for frame in inside) + PADDING,
            max(frame[3] for frame in inside) + PADDING,
        )
    return tuple(Box(name, x, y, right - x, bottom - y) for name, (x, y, right, bottom) in reversed(frames.items()))


def _arcs(links: list[Link], ranks: list[int], corners: list[tuple[float, float]], boxes: tuple[Box, ...]) -> list[Arc]:
    """Short arcs inside, long ones outside; two arcs share a lane only where they do not overlap."""
    found: list[Arc] = []
    taken: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for link in sorted(links, key=lambda link: (ranks[link.target] - ranks[link.source], link.source)):
        start, end = ranks[link.source], ranks[link.target]
        side = -1 if corners[link.source][0] < -WIDTH / 2 - 1 else 1
        lane = 0
        while any(low < end and start < high for low, high in taken.get((side, lane), [])):
            lane += 1
        taken.setdefault((side, lane), []).append((start, end))
        beside = [corner for corner, rank in zip(corners, ranks, strict=True) if start <= rank <= end]
        reach = max([x + WIDTH for x, _ in beside] if side > 0 else [-x for x, _ in beside])
        ends = (link.source, link.target)
        is_outermost = all(_is_outermost(end, side, ranks, corners) for end in ends)
        found.append(Arc(link, side * (reach + PADDING + LANE * (lane + 0.5)), side, is_outermost))
    return found


def _is_outermost(index: int, side: int, ranks: list[int], corners: list[tuple[float, float]]) -> bool:
    return not any(
        rank == ranks[index] and side * (corner[0] - corners[index][0]) > 0
        for rank, corner in zip(ranks, corners, strict=True)
    )
