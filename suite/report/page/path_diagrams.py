"""Layer paths as rows of blocks: places, colours and shades of what the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suite.recipes.layer_path import Hop, LayerPath
from suite.report.load.results import Results
from suite.report.rows import formats
from suite.report.rows.paths import Shown, shown

STEP, SIDE, HEIGHT = 30, 27, 42  # pixels from block to block, a block's side, a diagram's height
COLOURS = 6  # series colours of the page; with more parts they come again, dashed


@dataclass(frozen=True)
class Part:
    """A model or merge that layers are of.

    Attributes
    ----------
    label : str
    colour : int
        Counts the page's series colours from 0.
    dashed : bool
        Whether the colour comes again, with a dashed edge.
    """

    label: str
    colour: int
    dashed: bool


@dataclass(frozen=True)
class Block:
    """One hop.

    Attributes
    ----------
    x : int
        Left edge, in pixels.
    layer : int
        Number of the layer in its part.
    scale : str
        The factor on its input, in figures; empty for 1.
    shade : float
        For the factor, in [0, 1].
    part : Part
    tip : str
        What hovering shows.
    """

    x: int
    layer: int
    scale: str
    shade: float
    part: Part
    tip: str


@dataclass(frozen=True)
class Diagram:
    """One path.

    Attributes
    ----------
    name : str
    marks : tuple of str
        Why it is shown.
    facts : str
        Length and scores.
    description : str
        Reads the path out for those who do not see it.
    blocks : tuple of Block
        From input to output.
    """

    name: str
    marks: tuple[str, ...]
    facts: str
    description: str
    blocks: tuple[Block, ...]

    @property
    def width(self) -> int:
        """In pixels."""
        return STEP * len(self.blocks)


@dataclass(frozen=True)
class Diagrams:
    """All paths under one legend.

    Attributes
    ----------
    diagrams : tuple of Diagram
    parts : tuple of Part
    scales : tuple of (str, float)
        Some factors with their shades; empty if all are 1.
    """

    diagrams: tuple[Diagram, ...]
    parts: tuple[Part, ...]
    scales: tuple[tuple[str, float], ...]


def diagrams(results: Results) -> Diagrams | None:
    """Lay out the paths of `paths.shown`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Diagrams or None
        None where there are none.
    """
    paths = shown(results)
    if not paths:
        return None
    parts = _parts([each.path for each in paths])
    factors = {hop.scale for each in paths for hop in each.path.hops} | {1.0}
    low, high = min(factors), max(factors)
    legend = tuple((figure(s), _shade(s, low, high)) for s in sorted({low, 1.0, high}))
    return Diagrams(
        diagrams=tuple(_diagram(results, each, parts, (low, high)) for each in paths),
        parts=tuple(parts.values()),
        scales=legend if low < high else (),
    )


def figure(scale: float) -> str:
    """Write a scale with two decimals and a true minus.

    Parameters
    ----------
    scale : float

    Returns
    -------
    str

    Examples
    --------
    >>> figure(-0.5)
    '−0.50'
    """
    return f"{scale:.2f}".replace("-", "−")


def _parts(paths: Sequence[LayerPath]) -> dict[str, Part]:
    """Every part, with a colour, in the order they come; a merge with the methods it is made by."""
    frames = {path.frame for path in paths}
    parts = {}
    for index, name in enumerate(dict.fromkeys(name for path in paths for name in path.parts)):
        methods = dict.fromkeys(path.merges[name].title for path in paths if name in path.merges)
        label = f"{name} ({' or '.join(methods)})" if methods else name
        ends = ", with embeddings, final norm and head" if name in frames else ""
        parts[name] = Part(label + ends, index % COLOURS, index >= COLOURS)
    return parts


def _diagram(
    results: Results, each: Shown, parts: dict[str, Part], bounds: tuple[float, float]
) -> Diagram:
    path = each.path
    measured = ", ".join(
        f"{objective.name} {formats.score(objective, each.scores[objective.metric].value)}"
        for objective in results.objectives
    )
    blocks = tuple(
        Block(
            x=STEP * place,
            layer=hop.layer,
            scale="" if hop.scale == 1 else figure(hop.scale),
            shade=_shade(hop.scale, *bounds),
            part=parts[hop.part],
            tip=_tip(path, place, hop),
        )
        for place, hop in enumerate(path.hops)
    )
    count = len(path.hops)
    return Diagram(
        name=f"{each.optimizer} · seed {each.seed} · trial {each.trial}",
        marks=each.marks,
        facts=f"{count} layer{'s' if count != 1 else ''}; {measured}",
        description=", ".join(_read_out(hop) for hop in path.hops),
        blocks=blocks,
    )


def _shade(scale: float, low: float, high: float) -> float:
    return round((scale - low) / (high - low), 3) if low < high else 0.5


def _tip(path: LayerPath, place: int, hop: Hop) -> str:
    merge = path.merges.get(hop.part)
    part = f"{hop.part} ({merge.title})" if merge else hop.part
    so_far = path.cumulative[place]
    return (
        f"hop {place}: layer {hop.layer} of {part}\ninput × {hop.scale:.4g}"
        f" (all factors so far: {so_far:.4g})"
    )


def _read_out(hop: Hop) -> str:
    return f"{hop.part} {hop.layer}" + ("" if hop.scale == 1 else f" × {figure(hop.scale)}")
