"""How figures tell optimizers apart, and that they are the same bytes each time."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from suite.report.figures import drawing


def test_names_become_ascii_without_mathtext() -> None:
    assert drawing.ascii_name("日本 $x$") == r"?? \$x\$"


def test_optimizers_differ_in_colour_and_marker() -> None:
    styles = [drawing.style(index) for index in range(6)]
    assert len({colour for colour, _ in styles}) == len({marker for _, marker in styles}) == 6


def test_eighteen_optimizers_are_told_apart() -> None:
    looks = {(*drawing.style(index), str(drawing.dash(index))) for index in range(18)}
    assert len(looks) == 18


def test_png_and_svg_are_the_same_each_time(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        figure = Figure()
        axes = figure.subplots()
        axes.fill_between([0, 1], [0, 1], [1, 2])
        axes.set_title("both")
        path = drawing.save(figure, tmp_path / f"{name}.png")
        made.append((path.read_bytes(), path.with_suffix(".svg").read_bytes()))
    assert made[0] == made[1]
    assert b">both<" in made[0][1]  # letters stay letters
