"""What configuration may build, and what it may not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suite import resources
from suite.assembly import assemble
from suite.assembly.compose import compose
from suite.assembly.spec import RunSpec
from suite.assembly.targets import Target
from suite.errors import BadInput
from suite.evaluators.models.handle import TransformersHandle
from suite.recipes.recipe import Recipe
from suite.search.task import Task


@pytest.mark.parametrize(
    "target", ["os.system", "builtins.eval", "suited.evil", "", "subprocess.run"]
)
def test_targets_outside_the_suite_are_never_imported(target: str) -> None:
    with pytest.raises(BadInput, match="not allowed; allowed modules: suite"):
        Target.parse({"_target_": target}, "evaluator").build()


def test_a_user_may_allow_modules_of_their_own() -> None:
    built = Target("fractions.Fraction", {"numerator": 3}).build(["fractions"])
    assert built == 3


@pytest.mark.parametrize(
    "config",
    [
        {"_target_": "suite.nothing.make"},
        {"_target_": "suite.trackers.none.nothing"},
        {"_target_": "suite.trackers.none.make", "unknown": 1},
    ],
)
def test_what_cannot_be_built_is_named(config: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=str(config["_target_"])):
        Target.parse(config, "tracker").build()


def test_the_assembled_task_merges_into_the_live_model() -> None:
    import torch

    task = assemble.task(compose(["task=ja_math_micro_3obj"]))
    assert isinstance(task, Task) and isinstance(task.handle, TransformersHandle)
    assert [o.name for o in task.objectives] == ["ja_math", "ja_general", "en_math"]
    before = {k: v.clone() for k, v in task.handle.model.state_dict().items()}
    task.merge(task.recipe(torch.zeros(task.space.d).numpy()))
    after = task.handle.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)  # no weight: the base
    task.merge(task.recipe(torch.full((task.space.d,), 0.5).numpy()))
    assert not torch.equal(
        before["lm_head.weight"], task.handle.model.state_dict()["lm_head.weight"]
    )


def test_models_that_do_not_fit_are_never_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.merging.sources.Sources.load", None)
    shutil.copytree(resources.ZOO / "ja_math_micro" / "japanese", tmp_path / "other")
    text = (tmp_path / "other" / "config.json").read_text()
    (tmp_path / "other" / "config.json").write_text(text.replace("Mistral", "Qwen2"))
    with pytest.raises(BadInput, match="'base' is a MistralForCausalLM, 'japanese' a Qwen2"):
        assemble.task(compose([f"task.models.japanese={tmp_path / 'other'}"]))


def test_measures_are_checked_before_any_model_is_looked_for() -> None:
    words = ["task.models.japanese=/no/such", "task.objectives.ja_math.metric=ja_math.nothing"]
    with pytest.raises(BadInput, match=r"ja_math\.nothing"):
        assemble.task(compose(words))


def test_a_task_may_have_no_baselines() -> None:
    assert assemble.baselines(compose(["task.baselines=null"])) == {}


def with_baselines(folder: Path, models: dict[str, str]) -> RunSpec:
    run = compose([])
    return run.with_task(run.task.changed(baselines=str(folder), models=models))


def test_baselines_of_other_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(
        "merge_method: linear\nmodels:\n  - {model: stranger, parameters: {weight: 1.0}}\n"
    )
    config = with_baselines(tmp_path, {"base": "x"})
    with pytest.raises(BadInput, match=r"odd\.yaml: models \['stranger'\] are not of the task"):
        assemble.baselines(config)


def test_a_random_donor_needs_the_models_it_is_made_of(tmp_path: Path) -> None:
    name = "shuffled(expert - base, 0)"
    (tmp_path / "donor.yaml").write_text(
        f"merge_method: linear\nmodels:\n  - {{model: '{name}', parameters: {{weight: 1.0}}}}\n"
    )
    found = assemble.baselines(with_baselines(tmp_path, {"base": "x", "expert": "y"}))["donor"]
    assert isinstance(found, Recipe) and found.models == (name,)
    config = with_baselines(tmp_path, {"base": "x"})
    with pytest.raises(
        BadInput, match=r"donor\.yaml: models \['expert'\] are not of the task: base"
    ):
        assemble.baselines(config)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("merging.mode=fast", "merging.mode=fast: allowed are auto, eager, compiled"),
        ("merging.streamed=often", "merging.streamed=often: must be true or false"),
    ],
)
def test_how_merges_are_carried_out_is_checked_first(word: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        assemble.fitted(compose([word]))
