"""The SVG itself. Colours are classes over the page's custom properties, so that it is at home in light and dark."""

from __future__ import annotations

from html import escape

from architectures.drawing.blocks import Block, Difference, blocks_of, difference, folded, labelled, links_of
from architectures.drawing.layout import HEIGHT, WIDTH, Arc, Box, Layout, layout
from architectures.drawing.words import dimensions, family, number, sentence
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph, Node

MARGIN = 12
BEND = 6  # radius of an arc's corners

_STYLE = """
.arch{font:11px system-ui,sans-serif;font-variant-numeric:tabular-nums}
.arch text{fill:currentColor}
.arch .arch-name,.arch .arch-shape{font-size:10px;opacity:.72}
.arch .arch-label{font-weight:600}
.arch .arch-scope rect{fill:currentColor;fill-opacity:.035;stroke:currentColor;stroke-opacity:.22}
.arch .arch-scope text{font-size:10px;opacity:.72;letter-spacing:.04em}
.arch .arch-body{fill:var(--surface,transparent);stroke:currentColor;stroke-opacity:.45}
.arch .arch-fold .arch-body{stroke-dasharray:4 3}
.arch .arch-block:focus-visible .arch-body,.arch .arch-block:hover .arch-body{stroke:var(--accent,#0072b2);stroke-opacity:1;stroke-width:2}
.arch .arch-link{fill:none;stroke:currentColor;stroke-opacity:.55;stroke-width:1.4}
.arch .arch-skip{stroke:var(--accent,#0072b2);stroke-opacity:1}
.arch .arch-projected{stroke-dasharray:5 3}
.arch .arch-tip{fill:currentColor;fill-opacity:.55}
.arch .arch-skip-tip{fill:var(--accent,#0072b2)}
.arch .arch-conv{fill:#0072b2}.arch .arch-norm{fill:#999}.arch .arch-act{fill:#e69f00}
.arch .arch-pool{fill:#009e73}.arch .arch-join{fill:#cc79a7}
.arch .arch-changed .arch-body{stroke:var(--warn,#d55e00);stroke-opacity:1;stroke-width:2.4}
.arch .arch-added .arch-body{stroke:var(--good,#009e73);stroke-opacity:1;stroke-width:2.4}
.arch .arch-mark{font-size:10px;font-weight:600}
.arch .arch-gone{stroke:var(--bad,#d55e00);stroke-width:2.4;stroke-dasharray:3 3}
"""  # noqa: E501 (a style rule is one line)


def svg(graph: Graph, *, title: str | None = None, compare_to: Graph | None = None) -> str:
    """The drawing of a graph; with `compare_to`, blocks that are new or unlike that graph's are marked."""
    whole = blocks_of(graph)
    blocks = labelled(folded(whole))
    links = links_of(blocks)
    place = layout(blocks, links)
    costs = complexity(graph)
    unlike = _marks(whole, blocks, compare_to)
    width = place.right - place.left + 2 * MARGIN
    height = place.bottom + 2 * MARGIN
    name = title or f"Architecture of {len(graph.nodes)} nodes"
    words = f"{name}: {number(costs.params)} parameters, {number(costs.macs)} MACs, {len(whole)} blocks"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="arch" role="img" aria-label="{escape(words)}" '
        f'viewBox="{place.left - MARGIN:g} {-MARGIN} {width:g} {height:g}" width="{width:g}" height="{height:g}">',
        f"<style>{_STYLE}</style>",
        f"<title>{escape(words)}</title>",
        *[_box(box) for box in place.boxes],
        *[_line(place, link.source, link.target) for link in place.straight],
        *[_arc(place, arc) for arc in place.arcs],
        *[_block(place, index, block, costs, unlike) for index, block in enumerate(blocks)],
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _marks(whole: tuple[Block, ...], drawn: tuple[Block, ...], compare_to: Graph | None) -> Difference:
    """The difference, by what is drawn: a fold is changed if any block in it is."""
    if compare_to is None:
        return Difference(("",) * len(drawn), {})
    found = difference(labelled(blocks_of(compare_to)), whole)
    by_node = {block.nodes[0].name: index for index, block in enumerate(whole)}
    marks, gone = [], {}
    for index, block in enumerate(drawn):
        inside = [by_node[node.name] for node in block.nodes if node.name in by_node]
        own = [found.marks[each] for each in inside if found.marks[each]]
        marks.append(own[0] if own else "")
        missing = tuple(each for place in inside for each in found.gone.get(place, ()))
        if missing:
            gone[index] = missing
    return Difference(tuple(marks), gone)


def _box(box: Box) -> str:
    name = box.name.rpartition(".")[2]
    return (
        f'<g class="arch-scope">'
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="6"/>'
        f'<text x="{box.x + 10:g}" y="{box.y + 14:g}">{escape(name)}</text></g>'
    )


def _line(place: Layout, source: int, target: int) -> str:
    (x, y), (to_x, to_y) = place.corners[source], place.corners[target]
    x, y, to_x = x + WIDTH / 2, y + HEIGHT, to_x + WIDTH / 2
    middle = (y + to_y) / 2
    path = (
        f"M{x:g},{y:g}V{to_y - 5:g}"
        if x == to_x
        else f"M{x:g},{y:g}C{x:g},{middle:g} {to_x:g},{middle:g} {to_x:g},{to_y - 5:g}"
    )
    return f'<path class="arch-link" d="{path}"/>{_tip(to_x, to_y, "arch-tip")}'


def _arc(place: Layout, arc: Arc) -> str:
    """Draws an arc from side to side where nothing stands between, else round the blocks, entering from above."""
    (x, y), (to_x, to_y) = place.corners[arc.link.source], place.corners[arc.link.target]
    side, lane = arc.side, arc.x
    kind = "arch-link arch-skip" if arc.link.is_skip else "arch-link"
    tip_kind = "arch-skip-tip" if arc.link.is_skip else "arch-tip"
    if arc.link.is_projected:
        kind += " arch-projected"
    if arc.is_outermost:
        start = x + (WIDTH if side > 0 else 0)
        end = to_x + (WIDTH if side > 0 else 0)
        y, to_y = y + HEIGHT * 0.65, to_y + HEIGHT * 0.35
        path = (
            f"M{start:g},{y:g}H{lane - side * BEND:g}q{side * BEND},0 {side * BEND},{BEND}V{to_y - BEND:g}"
            f"q0,{BEND} {-side * BEND},{BEND}H{end + side * 5:g}"
        )
        words = "skip connection, projected to the shape it meets" if arc.link.is_projected else "skip connection"
        tip = f'<path class="{tip_kind}" d="M{end:g},{to_y:g}l{side * 7},-4v8z"/>'
        return f'<g><title>{words}</title><path class="{kind}" d="{path}"/>{tip}</g>'
    start, end = x + WIDTH / 2, to_x + WIDTH / 2
    below, above = y + HEIGHT + 7, to_y - 9
    path = f"M{start:g},{y + HEIGHT:g}V{below:g}H{lane:g}V{above:g}H{end:g}V{to_y - 5:g}"
    return f'<path class="{kind}" stroke-linejoin="round" d="{path}"/>{_tip(end, to_y, tip_kind)}'


def _tip(x: float, y: float, kind: str) -> str:
    return f'<path class="{kind}" d="M{x:g},{y:g}l-4,-7h8z"/>'


def _block(place: Layout, index: int, block: Block, costs: Complexity, unlike: Difference) -> str:
    x, y = place.corners[index]
    mark = unlike.marks[index]
    params = sum(costs.by_name[node.name].params for node in block.nodes)
    macs = sum(costs.by_name[node.name].macs for node in block.nodes)
    shape = dimensions(block.shape)
    words = f"{block.name}: {block.label} → {shape}, {number(params)} parameters, {number(macs)} MACs"
    if mark:
        words += f" ({mark})"
    label = _fitting(block.label, 32 - len(shape))
    name = block.name.rpartition(".")[2] if not block.repeats else block.name
    kind = " ".join(["arch-block", *["arch-fold"] * bool(block.repeats), *[f"arch-{mark}"] * bool(mark)])
    right = mark or (f"{number(params)} params" if params else "")
    return "".join(
        (
            f'<g class="{kind}" data-node="{escape(block.name)}" tabindex="0">',
            f"<title>{escape(words)}</title>",
            f'<rect class="arch-body" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="arch-label" x="{x + 9:g}" y="{y + 16:g}">{escape(label)}</text>',
            _right(x, y + 16, shape, "arch-shape"),
            f'<text class="arch-name" x="{x + 9:g}" y="{y + 30:g}">{escape(_fitting(name, 28))}</text>',
            _right(x, y + 30, right, "arch-mark" if mark else "arch-name"),
            *_strip(x + 9, y + HEIGHT - 10, block, costs),
            "</g>",
            _gone(x, y, unlike.gone.get(index, ())),
        )
    )


def _right(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" text-anchor="end" x="{x + WIDTH - 9:g}" y="{y:g}">{escape(text)}</text>'


def _strip(x: float, y: float, block: Block, costs: Complexity) -> list[str]:
    """One piece a primitive, in order; none for a fold, which stands for many."""
    if block.repeats or block.name == "input":
        return []
    room = WIDTH - 18
    step = room / len(block.nodes)
    return [
        _piece(x + place * step, y, min(step - 2, step * 0.9), node, costs) for place, node in enumerate(block.nodes)
    ]


def _piece(x: float, y: float, width: float, node: Node, costs: Complexity) -> str:
    return (
        f'<rect class="arch-{family(node.primitive)}" data-node="{escape(node.name)}" '
        f'x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="5" rx="2">'
        f"<title>{escape(sentence(node, costs.by_name[node.name]))}</title></rect>"
    )


def _gone(x: float, y: float, blocks: tuple[Block, ...]) -> str:
    if not blocks:
        return ""
    words = "removed here: " + ", ".join(f"{block.name} ({block.label})" for block in blocks)
    return (
        f'<g><title>{escape(words)}</title><path class="arch-gone" d="M{x:g},{y - 5:g}h{WIDTH / 2 - 12:g}"/>'
        f'<text class="arch-mark" x="{x + WIDTH / 2 + 8:g}" y="{y - 3:g}">−{len(blocks)} removed</text></g>'
    )


def _fitting(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip(" ·") + "…"
