"""Parts of a layer path that are merges picked from another run's front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.assembly import spaces
from suite.assembly.spec import RunSpec
from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Recipe
from suite.records.journal import Journal
from tests.commands.composed import LAYERS, changed, config, objective, stored, weights


@pytest.fixture
def first_stage(tmp_path: Path) -> Path:
    """A run of four merges, one of them failed: trial 1 is the best in ja_math, trial 2 the knee."""
    folder = tmp_path / "merges" / "random" / "seed=3"
    write_run(folder, [(0.9, 0.1), (0.1, 0.9), (0.2, 0.2), None])
    return folder


def write_run(folder: Path, losses: list[tuple[float, float] | None], path: bool = False) -> None:
    from suite.records.trial import Score, Trial

    folder.mkdir(parents=True)
    objectives = [objective("ja_math", "a.b"), objective("ja_general", "a.c")]
    spec = {"name": "merges", "base": "base", "models": {"base": "x"}, "objectives": objectives}
    made = stored(spec, seed=3)
    (folder / "config.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    journal = Journal(folder / "trials.jsonl")
    for number, pair in enumerate(losses):
        recipe: Recipe | LayerPath = weights(number / 10)
        if path:
            recipe = LayerPath.from_json(
                {"frame": "japanese", "hops": [["japanese", 0, 1.0]], "merges": {}}
            )
        scores = {} if pair is None else {"a.b": Score(0.5, 0.1, 8)}
        status, error = ("failed", "NaN") if pair is None else ("ok", None)
        trial = Trial(number, (0.5,), recipe.to_json(), status, error, scores, pair or (), {})  # type: ignore[arg-type]
        journal.append(trial)


def picking(part: dict[str, Any], *words: str) -> RunSpec:
    """The configuration of a two-stage task whose merge is `part`."""
    given = config("ja_math_micro_two_stage", *words)
    return spaces.with_picked_parts(changed(given, parts={"merge": part, "japanese": None}))


@pytest.mark.parametrize(
    ("pick", "number"),
    [("knee", 2), (None, 2), ("best:ja_math", 1), ("best:ja_general", 0), (0, 0), (1, 1)],
)
def test_a_part_becomes_the_recipe_of_the_picked_trial(
    first_stage: Path, pick: str | int | None, number: int
) -> None:
    wanted = {} if pick is None else {"pick": pick}
    now = picking({"run": str(first_stage), **wanted})
    parts = now.task.written["path"]["parts"]
    assert parts == {"merge": {"recipe": weights(number / 10).to_json()}, "japanese": None}
    built = spaces.build(now.task, LAYERS)
    assert built.merges == {"merge": weights(number / 10)}
    assert RunSpec.parse(yaml.safe_load(now.text())).differences(now) == []


def test_optimizer_and_seed_stand_for_the_runs_own(first_stage: Path) -> None:
    folder = str(first_stage.parents[1]) + "/{optimizer}/seed={seed}"
    found = picking({"run": folder, "pick": 0}, "seed=3")
    assert found.task.written["path"]["parts"]["merge"] == {"recipe": weights(0.0).to_json()}
    with pytest.raises(BadInput, match=r"random/seed=4: not a run's folder"):
        picking({"run": folder, "pick": 0}, "seed=4")


@pytest.mark.parametrize(
    ("pick", "said"),
    [
        (9, "no trial 9; the journal holds 0 to 3"),
        (3, "trial 3 failed (NaN); pick another"),
        ("best:nothing", "no objective 'nothing'; there are ja_math, ja_general"),
        ("worst", "allowed are knee and best:{ja_math,ja_general}"),
    ],
)
def test_a_pick_that_cannot_be_is_refused(first_stage: Path, pick: str | int, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        picking({"run": str(first_stage), "pick": pick})
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_without_a_run_is_refused(first_stage: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a run's folder"):
        picking({"run": str(tmp_path / "nowhere")})
    (first_stage / "config.yaml").unlink()
    with pytest.raises(BadInput, match="not a run's folder"):
        picking({"run": str(first_stage)})
    (first_stage / "config.yaml").write_text("[1, 2]")
    with pytest.raises(BadInput, match="not the configuration of a run"):
        picking({"run": str(first_stage)})


def test_a_path_is_no_part_of_a_path(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [(0.5, 0.5)], path=True)
    with pytest.raises(BadInput, match=r"part 'merge'.*its trials are layer paths, not merges"):
        picking({"run": str(tmp_path / "run"), "pick": 0})
