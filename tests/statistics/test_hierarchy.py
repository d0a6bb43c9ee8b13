"""Draws as a random factor: components and errors on simulations whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, f_oneway, ttest_1samp

from suite.statistics.hierarchy import difference
from suite.statistics.rank_sum import mann_whitney

ALPHA = 0.05


def study(
    rng: np.random.Generator, draws: int, seeds: int, between: float, shift: float = 0.0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two strategies on `draws` sets of items, each of which favours one of them by chance."""
    favour = rng.normal(0, between, draws)
    level = rng.normal(0, 3, draws)  # how hard a draw is, the same for both
    a = [rng.normal(e + shift + u, 1, seeds) for e, u in zip(level, favour, strict=True)]
    return a, [rng.normal(e, 1, seeds) for e in level]


def test_components_are_those_that_the_data_were_made_with() -> None:
    rng = np.random.default_rng(1)
    found = [difference(*study(rng, 8, 6, 0.8, 0.5), resamples=10) for _ in range(300)]
    assert np.mean([f.sd_draws**2 for f in found]) == pytest.approx(0.64, rel=0.12)
    assert np.mean([f.sd_seeds**2 for f in found]) == pytest.approx(1.0, rel=0.05)
    assert np.mean([f.difference for f in found]) == pytest.approx(0.5, abs=0.06)


def test_the_pooled_variance_is_that_of_a_one_way_anova_and_sizes_may_differ() -> None:
    rng = np.random.default_rng(2)
    a, b = [rng.normal(size=n) for n in (2, 5, 3)], [rng.normal(size=n) for n in (4, 1, 6)]
    found = difference(a, b)
    cells = [*a, *b]
    pooled = np.concatenate(cells)
    between = sum(len(c) * (c.mean() - pooled.mean()) ** 2 for c in cells) / (len(cells) - 1)
    assert found.sd_seeds**2 == pytest.approx(between / f_oneway(*cells).statistic)
    d = [x.mean() - y.mean() for x, y in zip(a, b, strict=True)]
    assert found.p == pytest.approx(ttest_1samp(d, 0).pvalue)
    noise = found.sd_seeds**2 * np.mean([1 / 2 + 1 / 4, 1 / 5 + 1, 1 / 3 + 1 / 6])
    assert found.sd_draws**2 == pytest.approx(max(0, np.var(d, ddof=1) - noise))


def test_the_interval_is_that_of_plain_resampling_in_two_steps() -> None:
    rng = np.random.default_rng(3)
    a, b = study(rng, 7, 5, 0.5)
    drawn = []
    for _ in range(4000):
        draws = rng.integers(7, size=7)
        drawn.append(
            np.mean([rng.choice(a[i], 5).mean() - rng.choice(b[i], 5).mean() for i in draws])
        )
    found = difference(a, b)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.06)
    assert found == difference(a, b)


def test_one_draw_generalises_over_nothing() -> None:
    found = difference([[1.0, 2.0, 3.0]], [[0.0, 0.5, 1.0]])
    assert math.isnan(found.p)
    assert math.isnan(found.sd_draws)
    assert math.isnan(found.low)
    assert "nothing is generalised over draws" in found.scope
    several = difference([[1.0], [2.0]], [[0.0], [0.5]])
    assert several.scope == "over seeds and 2 draws of items"
    assert math.isnan(several.sd_seeds)


def test_draws_that_do_not_match_are_refused() -> None:
    for a, b in (([[1.0]], []), ([], []), ([[]], [[1.0]]), ([[math.nan]], [[1.0]])):
        with pytest.raises(ValueError, match="draws"):
            difference(a, b)


def test_a_test_that_ignores_draws_exceeds_its_level_and_this_one_holds_it() -> None:
    """No strategy is better over draws; every single draw favours one of them a little."""
    rng = np.random.default_rng(4)
    naive = held = 0
    for _ in range(300):
        a, b = study(rng, 6, 5, 0.9)
        centres = [(x.mean() + y.mean()) / 2 for x, y in zip(a, b, strict=True)]
        pooled = [np.concatenate([v - c for v, c in zip(s, centres, strict=True)]) for s in (a, b)]
        naive += mann_whitney(*pooled) < ALPHA
        held += difference(a, b, resamples=5).p < ALPHA
    assert naive > 2 * binom.ppf(0.999, 300, ALPHA)
    assert 1 <= held <= binom.ppf(0.999, 300, ALPHA)


def test_a_planted_winner_is_found_over_draws() -> None:
    rng = np.random.default_rng(5)
    found = [difference(*study(rng, 8, 10, 0.4, 0.8), resamples=5) for _ in range(100)]
    assert np.mean([f.p < ALPHA and f.difference > 0 for f in found]) > 0.8
