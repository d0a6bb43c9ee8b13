"""The sentences say what the tables hold, and no more than is resolved."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from scipy.stats import mannwhitneyu

from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.rows import formats, sentences


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_nothing_is_counted_before_a_run_is_judged(results: Results) -> None:
    unjudged = replace(results, runs=tuple(replace(run, reported=()) for run in results.runs))
    assert sentences.distinct_points(unjudged) == ""


def test_distinct_points_are_counted_by_dominance(results: Results) -> None:
    def count(optimizers: tuple[str, ...]) -> int:
        points = {x.losses for r in results.runs if r.optimizer in optimizers for x in r.reported}
        return sum(
            not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points) for p in points
        )

    text = sentences.distinct_points(results)
    for optimizer in results.optimizers:
        assert f"{optimizer} {count((optimizer,))}" in text
    assert text.endswith(f"all optimizers together {count(results.optimizers)}.")


@pytest.mark.parametrize(("seeds", "pairs"), itertools.product([2, 3, 4, 5, 6, 8], [1, 3, 6]))
def test_what_the_seeds_can_resolve(seeds: int, pairs: int) -> None:
    low, high = list(range(seeds)), list(range(seeds, 2 * seeds))
    apart = mannwhitneyu(low, high, method="exact").pvalue
    low[-1], high[0] = high[0], low[-1]  # one run of each out of place: U = 1
    nearly = mannwhitneyu(low, high, method="exact").pvalue
    text = sentences.separation(seeds, pairs)
    assert ("No difference" in text) == (apart * pairs >= 0.05)
    assert ("only complete separation" in text) == (apart * pairs < 0.05 <= nearly * pairs)


def test_figures_are_written_alike() -> None:
    assert formats.fixed(0.6512, 1, 100.0) == "65.1"
    assert (formats.fixed(math.nan), formats.fixed(math.inf)) == ("–", "∞")
    assert (formats.signed(-0.031, 1, 100.0), formats.signed(0.2, 1)) == ("−3.1", "+0.2")
    assert (formats.pvalue(0.0004), formats.pvalue(0.0316), formats.pvalue(math.nan)) == (
        "<0.001", "0.032", "–",
    )  # fmt: skip
