"""The published maths searches: where they begin, their settings, the sizes of their spaces, their items."""

from __future__ import annotations

from typing import Any

import cmaes
import numpy as np
import optuna
import pytest

from suite.__main__ import main
from suite.assembly import assemble
from suite.assembly.compose import compose
from suite.recipes.layer_path import whole
from tests.commands import small_math
from tests.commands.small_math import configured

SPACES = {  # variables: 2 a source; 192 slots, a scale for each and for the last layer
    "ja_math_7b": 6,
    "ja_math_10b": 385,
    "ja_math_10b_dfs": 385,
    "ja_math_7b_hybrid": 6 + 385,
}


def test_searches_begin_as_published(maths_hub: Any, small: small_math.Small) -> None:
    """The merge: nine from the middle, as Optuna does it; paths: 128 from model A alone."""
    config = configured(small, "experiment=sakana2024_ps")
    task = assemble.task(config)
    assert assemble.starts(config, task) is None
    assert assemble.optimizer(config, task).ask().shape == (9, 6)
    assert config.trials == 1000
    for name, frame in (("sakana2024_dfs", "abel"), ("sakana2024_hybrid", "evolved")):
        config = configured(small, f"experiment={name}")
        task = assemble.task(config)
        (start,) = assemble.starts(config, task)
        assert np.array_equal(start, task.recipe_space.start())
        assert task.recipe(start) == whole(frame, 32)
        settings = task.space.decode(start)
        on = {key: value for key, value in settings.items() if key.startswith("use.") and value}
        assert set(on) == {f"use.0.{frame}.{layer}" for layer in range(1, 31)}
        # two sigma: a sixth of the range from -1 to 1
        assert list(on.values()) == pytest.approx(
            [2 * 2 * config.optimizer_options.options["sigma0"]] * 30
        )
        assert {value for key, value in settings.items() if key.startswith("scale.")} == {1.0}
        assert assemble.optimizer(config, task).ask().shape == (128, 385)
        assert config.trials == 100 * 128


def test_the_settings_are_those_that_optuna_gives_cmaes(
    monkeypatch: pytest.MonkeyPatch, small: small_math.Small
) -> None:
    given: list[dict[str, Any]] = []

    made = cmaes.CMA

    def noted(**options: Any) -> Any:
        strategy = made(**options)
        given.append({**options, "population_size": strategy.population_size})
        return strategy

    monkeypatch.setattr(cmaes, "CMA", noted)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.CmaEsSampler(seed=0))
    study.optimize(lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(6)), 2)
    (theirs,) = given
    ours = compose(["experiment=sakana2024_ps"]).optimizer_options.options
    assert np.array_equal(theirs["mean"], np.full(6, 0.5)) and theirs["cov"] is None
    assert theirs["sigma"] == ours["sigma0"] and theirs["n_max_resampling"] == ours["resampling"]
    assert theirs["population_size"] == 9 and ours["popsize"] is None


@pytest.mark.parametrize("task", SPACES)
def test_spaces_have_the_published_sizes(
    maths_hub: Any, small: small_math.Small, task: str
) -> None:
    found = assemble.task(configured(small, f"task={task}"))
    assert found.space.d == SPACES[task]
    if task == "ja_math_7b":
        assert {(p.kind, p.low, p.high) for p in found.space.parameters} == {("float", 0.0, 1.0)}
    scores = found.measure(found.recipe(np.full(found.space.d, 0.45)), "search").scores
    assert scores[found.objectives[0].metric].n


@pytest.mark.parametrize("task", ["ja_math_7b", "ja_math_10b", "ja_math_10b_dfs"])
def test_every_shipped_baseline_merges(maths_hub: Any, small: small_math.Small, task: str) -> None:
    config = configured(small, f"task={task}")
    made, recipes = assemble.task(config), assemble.baselines(config)
    assert len(recipes) > 3
    for recipe in recipes.values():
        made.merge(recipe)  # raises where a tensor is not finite


def test_the_items_are_those_that_were_published(
    maths_hub: Any, small: small_math.Small, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "--fast", "task=ja_math_7b", f"task.data={small.data}", "device=cpu"]
    assert main(words) == 2
    assert "split report: the items of" in capsys.readouterr().err
    assert main([*words, "task.evaluators.mgsm_ja.data.report.sha256=null"]) == 0
    assert "evaluator   mgsm_ja: search 869, select 200, report 250" in capsys.readouterr().out
