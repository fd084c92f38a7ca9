"""Graph to SVG: scopes as boxes, blocks in layers, skips as arcs; the same drawing serves cards, compare and detail."""

from architectures.drawing.picture import svg

__all__ = ["svg"]
