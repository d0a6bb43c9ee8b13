"""The first screen: its sentences and places follow from the tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic
from browsing import read

from suite import report
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import league
from suite.report.rows.comparisons import ComparisonRow, Ends, compared
from suite.report.rows.tables import Tables
from suite.statistics import rank_sum
from tests.nonempty import some


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


class Stated:
    """Results of which the final scores alone matter."""

    def __init__(self, **final: list[float]) -> None:
        self.measure, self.problem = "hypervolume", True
        self.final = self.primary = {
            name: dict(enumerate(values)) for name, values in final.items()
        }
        self.optimizers = tuple(final)


def said(**final: list[float]) -> str:
    results: Any = Stated(**final)
    return " ".join(league.verdict(results, compared(Ends(results.final))))


def test_standings_are_in_the_order_of_medians_and_within_the_strip(results: Results) -> None:
    tables = Tables.of(results)
    found = league.standings(results, tables)
    medians = [each.row.median for each in found]
    assert medians == sorted(medians, reverse=True)
    low, high = league.bounds([value for each in found for value in each.row.values])
    for each in found:
        assert len(each.dots) == 5 and each.bar is not None
        for dot, value in zip(each.dots, each.row.values, strict=True):
            assert 0 < dot < 100
            assert low + dot / 100 * (high - low) == pytest.approx(value, abs=1e-4)
        assert each.bar[0] <= each.middle <= each.bar[1]
        rest = {name for name in results.optimizers if name != each.row.optimizer}
        lost = {o.row.optimizer for o in found if each.row.optimizer in o.better_than}
        assert set(each.better_than) | set(each.untold) | lost == rest


def test_the_verdict_says_what_is_resolved_and_what_is_not() -> None:
    better, worse = [5.0, 6, 7, 8, 9, 10], [0.0, 1, 2, 3, 4, 4.5]
    text = said(nsga2=better, random=worse, tpe=[value + 0.1 for value in better])
    assert text == (
        "tpe has the greatest hypervolume: 7.600 in the median of its seeds. It is better than"
        " random: resolved. It is not told apart from nsga2. Better than random search, resolved:"
        " tpe and nsga2. This holds over seeds."
    )
    text = said(nsga2=better[:3], random=worse[:3])
    assert "It is not told apart from random." in text
    assert "No strategy is resolved to be better than random search." in text
    assert said(tpe=better) == "One optimizer: nothing to compare it with."


def test_random_search_may_be_the_best() -> None:
    text = said(random=[5.0, 6, 7, 8, 9, 10], tpe=[0.0, 1, 2, 3, 4, 4.5])
    assert text.startswith("random has the greatest") and "Better than random" not in text


def test_the_matrix_mirrors(results: Results) -> None:
    cells = league.matrix(results, Tables.of(results).comparisons)
    assert len(cells) == 6
    for (a, b), cell in cells.items():
        other = cells[b, a]
        assert cell.improvement == pytest.approx(1 - other.improvement)
        assert (cell.low, cell.high) == pytest.approx((1 - other.high, 1 - other.low))
        assert cell.better == other.better


def test_what_the_seeds_can_tell_apart_is_printed(small: Path, tmp_path: Path) -> None:
    html = report.build(small, synthetic.TASK, tmp_path).read_text(encoding="utf-8")
    text = " ".join(" ".join(read(html).text).split())
    shift = rank_sum.detectable_shift(5, 0.05 / 3)
    assert f"a difference of {shift:.1f} standard deviations" in text
    few: Any = Stated(a=[1.0, 2.0, 3.0], b=[1.0, 2.0, 3.5])
    assert "not even complete separation is resolved" in league.sureness(few, 1)


def test_many_names_are_cut_short() -> None:
    assert league.listed(["a"]) == "a"
    assert league.listed(["a", "b", "c"]) == "a, b and c"
    assert league.listed([*"abcdefg"]) == "a, b, c, d and 3 others"


def test_equal_runs_have_a_place(results: Results) -> None:
    tables = Tables.of(results)
    same = [replace(r, values=(0.2,) * 5, iqm=0.2) for r in tables.strategies]
    found = league.standings(results, replace(tables, strategies=same))
    assert all(0 <= dot <= 100 for each in some(found) for dot in some(each.dots))


def test_rows_of_no_pair_have_no_verdict() -> None:
    rows: list[ComparisonRow] = compared(Ends({"a": {0: 1.0}}))
    assert rows == []
