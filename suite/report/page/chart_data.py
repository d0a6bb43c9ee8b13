"""What the page's script draws, in plain types."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from suite.objective import Objective
from suite.report.load.results import Results
from suite.report.load.traces import AXES
from suite.report.load.traces import axes as spendable
from suite.report.rows import formats, fronts
from suite.report.rows.anytime import Curve, curves, ecdf

DIGITS = 6  # significant ones of the numbers that charts are drawn from


def chart_data(results: Results) -> dict[str, Any]:
    """Collect all charts of a page by their names; which of them is hidden at first is up to the script.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict of str to object
        Plain types.
    """
    return {
        "names": list(results.optimizers),
        "fronts": [_plane(plane) for plane in fronts.planes(results)],
        "eaf": [_pairs(results)] if len(results.objectives) == 2 else [],
        "anytime": [_progress(results)],
        "runtimes": [_progress(results, targets=True)] if results.reference else [],
    }


def _plane(plane: fronts.Plane) -> dict[str, Any]:
    return {
        "x": objective(plane.x),
        "y": objective(plane.y),
        "levels": [f"{100 * level:.0f} %" for level in fronts.LEVELS],
        "clouds": [asdict(cloud) for cloud in plane.clouds],
        "merges": [asdict(point) for point in plane.merges],
        "parents": [asdict(point) for point in plane.parents],
        "reference": plane.reference,
    }


def _pairs(results: Results) -> dict[str, Any]:
    """Collect EAF differences; an infinite corner is null, and so is drawn to the edge."""
    x, y = results.objectives
    pairs = []
    for pair in fronts.differences(results):
        rectangles = [
            [formats.natural(x, a), formats.natural(y, b), _natural(x, c), _natural(y, d), share]
            for a, b, c, d, share in fronts.drawable(pair.rectangles).tolist()
        ]
        pairs.append({"a": pair.a, "b": pair.b, "seeds": pair.seeds, "rectangles": rectangles})
    return {"x": objective(x), "y": objective(y), "pairs": [p for p in pairs if p["rectangles"]]}


def _natural(of: Objective, loss: float) -> float | None:
    return formats.natural(of, loss) if math.isfinite(loss) else None


def _progress(results: Results, targets: bool = False) -> dict[str, Any]:
    axes = []
    for axis in spendable(results.traces) or ["trials"]:
        lines = [_line(c) for c in curves(results, axis)]
        if targets:
            lines = [
                {"name": s.name, "x": s.x.tolist(), "middle": s.y.tolist()}
                for s in ecdf(results, axis)
            ]
        axes.append({"axis": axis, "label": AXES[axis], "curves": lines})
    return {"axes": axes, "y": "share reached" if targets else "hypervolume"}


def _line(curve: Curve) -> dict[str, Any]:
    fields = ("x", "middle", "low", "high", "sure_low", "sure_high")
    return {"name": curve.name, **{field: getattr(curve, field).tolist() for field in fields}}


def objective(of: Objective) -> dict[str, Any]:
    """Describe an objective as page and script show it: in per cent where it is a share.

    Parameters
    ----------
    of : Objective

    Returns
    -------
    dict of str to object
    """
    return {
        **asdict(of),
        "scale": formats.scale(of),
        "unit": formats.unit(of),
        "digits": formats.digits(of),
        "sign": 1 if of.direction == "maximize" else -1,
    }


def script_json(data: Mapping[str, Any]) -> str:
    r"""Write JSON that may stand inside a script element, whatever names it holds.

    Parameters
    ----------
    data : mapping of str to object
        Plain types; numbers are rounded to `DIGITS` significant digits.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        For a number that is not finite.

    Examples
    --------
    >>> script_json({"a": "</script>", "b": 1 / 3})
    '{"a":"\\u003c/script\\u003e","b":0.333333}'
    """
    text = json.dumps(_rounded(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value
