"""The published maths tasks from download to judgement, over the real layout in miniature.

The models come from a Hub on loopback under the names and commits of the task files themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cmaes
import numpy as np
import pytest

from suite.__main__ import main
from tests.commands import small_math
from tests.commands.small_math import FEW, named

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    maths_hub: SimpleNamespace,
    small: small_math.Small,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """A command over the Hub and the data sets in miniature."""

    def words(command: str, *more: object) -> tuple[int, str, str]:
        capsys.readouterr()
        given = [f"task.data={small.data}", "device=cpu", f"results={tmp_path / 'results'}", *FEW]
        code = main([command, *(() if command == "export" else given), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def trials(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]


def test_the_published_merge_from_check_to_judge(
    call: Call, maths_hub: Any, few_baselines: Callable[[str], str], tmp_path: Path
) -> None:
    few = few_baselines("ja_math_7b")
    code, out, err = call("check", "task=ja_math_7b")
    assert code == 0, err
    assert "ja_math_7b: 6 parameters, dare_ties" in out
    lines = {line.split()[1].strip(":"): line for line in out.splitlines() if " model " in line}
    assert "F32, vocabulary 32032" in lines["abel"] and "cut to the base's rows" in lines["abel"]
    assert f"{small_math.MODELS['abel']}@{'ab' * 20}" in lines["abel"]  # the reference, pinned
    assert "BF16, vocabulary 32000" in lines["wizard"] and "cut" not in lines["wizard"]
    assert maths_hub.named["wizard"].partition("@")[2] in lines["wizard"]
    assert not maths_hub.server.fetched(".bin") and maths_hub.server.fetched(
        "-of-00003.safetensors"
    )
    code, out, err = call("run", "experiment=sakana2024_ps", "trials=4", few)
    assert code == 0, err
    run = tmp_path / "results/ja_math_7b/cma_es_margin/seed=0"
    found = trials(run)
    assert [trial["status"] for trial in found] == ["ok"] * 4
    recipe = found[0]["recipe"]
    assert recipe["method"] == "dare_ties" and recipe["base"] == "base"
    assert recipe["parameters"]["rescale"] == "inverse_density"
    assert recipe["parameters"]["normalize"] is False
    assert [each["model"] for each in recipe["inputs"]] == ["japanese", "wizard", "abel"]
    first = cmaes.CMA(
        mean=np.full(6, 0.5),
        sigma=1 / 6,
        bounds=np.array([[0.0, 1.0]] * 6),
        seed=np.random.RandomState(0).randint(2**31),
    )
    assert np.array_equal([trial["x"] for trial in found], [first.ask() for _ in range(4)])
    code, _, err = call("judge", "task=ja_math_7b", few)
    assert code == 0, err
    judged = [json.loads(line) for line in (run.parents[1] / "baselines/judged.jsonl").open()]
    assert {line["name"] for line in judged} == {"dare_ties_0.5", "ties_0.5", "wizard"}


def test_layers_of_two_sources(call: Call, tmp_path: Path) -> None:
    code, _, err = call("run", "experiment=sakana2024_dfs", "task.baselines=null", "trials=2")
    assert code == 0, err
    for trial in trials(tmp_path / "results/ja_math_10b_dfs/cma_es_margin/seed=0"):
        assert trial["status"] == "ok" and trial["recipe"]["frame"] == "abel"
        hops = trial["recipe"]["hops"]
        assert {part for part, _, _ in hops} == {"abel", "japanese"}
        assert hops[0][:2] == ["abel", 0] and hops[-1][:2] == ["abel", 31]
        # 30 slots are on with probability .977, 162 with .5, and two layers always run.
        assert abs(len(hops) - (2 + 30 * 0.977 + 162 * 0.5)) < 5 * (162 * 0.25 + 0.7) ** 0.5


def test_the_hybrid_begins_with_a_merge_of_ones_own(
    call: Call, small: small_math.Small, tmp_path: Path
) -> None:
    """Stage one, its export, and stage two over that."""
    few = ("task.baselines=null", "trials=2")
    code, _, err = call("run", "experiment=sakana2024_ps", *few)
    assert code == 0, err
    run = tmp_path / "results/ja_math_7b/cma_es_margin/seed=0"
    code, _, err = call("export", run, tmp_path / "evolved", "--pick", "best:mgsm_ja")
    assert code == 0, err
    words = ("experiment=sakana2024_hybrid", f"task.models.evolved={tmp_path / 'evolved'}")
    code, _, err = call("run", *words, "task.baselines=null", "trials=1")
    assert code == 0, err
    (trial,) = trials(tmp_path / "results/ja_math_10b/cma_es_margin/seed=0")
    assert trial["status"] == "ok" and trial["recipe"]["frame"] == "evolved"
    pick = f"task.path.parts.merge.run='{run}'"
    code, _, err = call("run", "task=ja_math_10b_two_stage", "optimizer=random", pick, *few)
    assert code == 0, err
    found = trials(tmp_path / "results/ja_math_10b_two_stage/random/seed=0")
    best = {json.dumps(each["recipe"]) for each in trials(run)}
    assert {json.dumps(each["recipe"]["merges"]["merge"]) for each in found} <= best


def test_a_missing_data_set_is_named_with_the_command_that_gets_it(call: Call) -> None:
    code, _, err = call("check", "--fast", "task=ja_math_10b", "task.data=/nowhere")
    assert code == 2 and err.count("\n") == 1
    assert "hf download SakanaAI/gsm8k-ja-test_250-1319 --repo-type dataset" in err


def test_pickles_alone_are_refused(call: Call) -> None:
    """What main of two of the sources holds."""
    for name in ("wizard", "abel"):
        word = f"task.models.{name}={small_math.MODELS[name]}"
        code, _, err = call("check", "--fast", "task=ja_math_7b", word)
        assert code == 2 and "only pickled weights (pytorch_model-00001" in err
        assert err.count("\n") == 1


def test_a_vocabulary_is_not_cut_unasked(call: Call) -> None:
    code, _, err = call("check", "--fast", "task=ja_math_7b", "task.vocabulary=refuse")
    assert code == 2 and "has shape [32000, 16] in 'base' and [32032, 16] in 'abel'" in err


def test_the_cheap_family_runs(call: Call, small: small_math.Small, tmp_path: Path) -> None:
    """Qwen2.5's layout: biases, head and embeddings one tensor, a single file."""
    words = []
    for seed, name in enumerate(named("ja_math_1b")):
        small_math.qwen(tmp_path / name, seed)
        words.append(f"task.models.{name}={tmp_path / name}")
    code, out, err = call("check", "task=ja_math_1b", *words)
    assert code == 0, err
    assert "ja_math_1b: 4 parameters" in out and "Qwen2ForCausalLM" in out
    code, _, err = call("run", "task=ja_math_1b", "optimizer=random", "trials=1", *words)
    assert code == 0, err
