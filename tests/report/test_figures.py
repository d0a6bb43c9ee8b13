"""The PNG figures: right step sides, names beside markers, no letters the font may lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from matplotlib.figure import Figure

from suite.report.figures import figures
from suite.report.load.load import load
from suite.report.rows import series
from tests.nonempty import some


@pytest.fixture(scope="module")
def axes(small: Path) -> object:
    figure = Figure(figsize=(7.2, 5.6))
    axes = figure.subplots()
    (plane,) = series.planes(load(small, synthetic.TASK))
    figures._fronts(axes, plane)
    return axes


def test_names_neither_overlap_nor_leave_the_axes(axes) -> None:  # type: ignore[no-untyped-def]
    texts = [text for text in axes.texts if text.get_text()]
    assert len(texts) >= 12
    boxes = [text.get_window_extent() for text in texts]
    for i, box in enumerate(boxes):
        assert box.x0 >= axes.bbox.x0 - 1
        assert box.x1 <= axes.bbox.x1 + 1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_a_surface_never_claims_what_is_not_attained(axes, small: Path) -> None:  # type: ignore[no-untyped-def]
    # Between two corners only the lower of both is attained, on either side of the step.
    for line in some(axes.lines):
        assert line.get_drawstyle() == "steps-post"
        x, y = line.get_data()
        assert (x[1:] < x[:-1]).all()
        assert (y[1:] > y[:-1]).all()


def test_surfaces_in_a_corner_get_a_panel_that_holds_them_all(small: Path) -> None:
    (plane,) = series.planes(load(small, synthetic.TASK))
    far = series.Point(-200.0, -200.0, 1.0, 1.0, "far")
    window = figures._corner(replace(plane, merges=(*plane.merges, far)))
    assert window
    (x0, x1), (y0, y1) = window
    for cloud in plane.clouds:
        for x, y in cloud.surfaces[figures.MIDDLE]:
            assert x0 < x < x1 and y0 < y < y1
    assert x0 > far.x and y0 > far.y


def test_surfaces_that_fill_the_plane_get_none(small: Path) -> None:
    (plane,) = series.planes(load(small, synthetic.TASK))
    ends = [corner for cloud in plane.clouds for corner in cloud.surfaces[figures.MIDDLE]]
    beside = tuple(series.Point(x, y, 1.0, 1.0, "beside") for x, y in (min(ends), max(ends)))
    inside = tuple(replace(cloud, points=()) for cloud in plane.clouds)
    assert figures._corner(replace(plane, clouds=inside, merges=beside, parents=())) is None
