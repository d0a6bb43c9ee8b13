"""How figures look: colours, markers and dashes of the optimizers, plain axes, PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito (2008), told apart by the common colour-vision deficiencies; markers differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = (
    "solid",
    (0, (4, 1.5)),
    (0, (1, 1)),
)  # a colour that comes again comes dashed, then dotted
INK = "#404040"
DPI = 150


def style(index: int) -> tuple[str, str]:
    """Choose colour and marker of an optimizer.

    Parameters
    ----------
    index : int
        Its place among the task's optimizers.

    Returns
    -------
    colour, marker : str
        In matplotlib's words; a colour that comes again comes with another marker.

    Examples
    --------
    >>> style(0), style(6)
    (('#0072B2', 'o'), ('#0072B2', 's'))
    """
    turn = index // len(COLOURS)  # a colour that comes again comes with another marker
    return COLOURS[index % len(COLOURS)], MARKERS[(index + turn) % len(MARKERS)]


def dash(index: int) -> Any:
    """Choose the line style of an optimizer.

    Parameters
    ----------
    index : int
        Its place among the task's optimizers.

    Returns
    -------
    str or tuple
        In matplotlib's words.
    """
    return DASHES[index // len(COLOURS) % len(DASHES)]


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and as SVG beside it; the same input gives the same bytes.

    Parameters
    ----------
    figure : Figure
    path : Path
        Of the PNG.

    Returns
    -------
    Path
        `path`.
    """
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    with matplotlib.rc_context({"svg.hashsalt": "merge-suite", "svg.fonttype": "none"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    return path


def plain(axes: Any) -> None:
    """Draw a light grid behind, and no frame above and on the right.

    Parameters
    ----------
    axes : Axes
    """
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)


def ascii_name(text: str) -> str:
    r"""Write a name as figures can show it: other letters as ``?``, no mathtext.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> ascii_name("日本 $x$")
    '?? \\$x\\$'
    """
    return text.encode("ascii", "replace").decode().replace("$", r"\$")


def legend_outside(figure: Figure, axes: Any, title: str = "") -> None:
    """Draw one legend right of all axes; none where nothing is drawn.

    Parameters
    ----------
    figure : Figure
    axes : Axes
        Those whose entries it shows.
    title : str
    """
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside right center", frameon=False, fontsize=8, title=title,
            title_fontsize=8,
        )  # fmt: skip
