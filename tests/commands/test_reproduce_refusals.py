"""What `suite reproduce` cannot measure is told in one line, and the other rows run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suite.evaluators.scorers import language
from suite.merging.hops import PathMerger
from suite.merging.merger import MergeFailure
from tests.commands.reproducing import FEW, Reproduce, cells
from tests.commands.small_math import MODELS
from tests.hub_protocol import Handler


def test_what_is_gated_or_gone_is_told_and_the_rest_runs(
    reproduce: Reproduce, published_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published_hub.server.redirect(monkeypatch, tmp_path / "empty")
    name = MODELS["evolved"]
    monkeypatch.setattr(published_hub.server.get(name), "gated", True)
    send = Handler._json

    def stated(self: Any, value: Any) -> None:
        about = isinstance(value, dict) and value.get("id") == name
        card = {"license": "other", "license_name": "microsoft-research-license"}
        send(self, {**value, "cardData": card} if about else value)

    monkeypatch.setattr(Handler, "_json", stated)
    code, out, err = reproduce("only=[evollm_jp_v1_7b,arithmo2,japanese]", "limit_items=2")
    assert code == 2 and "Traceback" not in err
    told = {line.split(":")[1].strip(): line for line in err.splitlines() if ": not run: " in line}
    assert set(told) == {"evollm_jp_v1_7b", "arithmo2"}
    assert "gated (403): accept its licence on its page" in told["evollm_jp_v1_7b"]
    assert "hf auth login" in told["evollm_jp_v1_7b"]
    assert (
        f"licence: microsoft-research-license, {published_hub.server.url}/{name}"
        in told["evollm_jp_v1_7b"]
    )
    assert "no such repository on the Hub (404)" in told["arithmo2"]
    assert err.splitlines()[-1].startswith("suite: 2 of 3 rows not run; ")
    assert "not run: model" in cells(out, "ja_math_7b/arithmo2")
    assert "subset of 2: " in cells(out, "ja_math_7b/japanese")
    monkeypatch.undo()


def test_a_wrong_revision_is_told(reproduce: Reproduce) -> None:
    code, _, err = reproduce("only=[abel]", f"task.models.abel={MODELS['abel']}@nowhere", *FEW)
    assert code == 2 and "no such revision (404); allowed are a branch, a tag, a commit" in err


def test_a_missing_data_set_is_told_before_anything_else(
    reproduce: Reproduce, tmp_path: Path
) -> None:
    code, _, err = reproduce("task.data=/nowhere")
    assert code == 2 and err.count("\n") == 1
    assert "hf download SakanaAI/gsm8k-ja-test_250-1319 --repo-type dataset" in err
    assert not (tmp_path / "results").exists()


def test_a_merge_that_is_not_finite_is_told(
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Any, recipe: Any) -> None:
        raise MergeFailure("tensor 'w' is not finite")

    monkeypatch.setattr(PathMerger, "merge", failing)
    code, _, err = reproduce("only=[ties_0.5,japanese]", "limit_items=2")
    assert code == 2 and "ties_0.5: the merge failed: tensor 'w' is not finite" in err
    assert "1 of 2 rows not run" in err


def test_a_missing_language_file_is_told_before_any_model_is_loaded(
    reproduce: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language.p_japanese.cache_clear()
    language._model.cache_clear()
    (tmp_path / "__init__.py").touch()
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    with monkeypatch.context() as patch:
        patch.setattr(language.importlib.util, "find_spec", lambda name: found)
        code, _, err = reproduce("only=[japanese]")
    assert code == 2 and err.count("\n") == 1
    assert "the language gate needs lid.176.ftz" in err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["only=[nobody]"], "only: no published row 'nobody'; there are abel, "),
        (["only=[]"], "only=[]: name one row or more"),
        (["limit_items=0"], "limit_items=0: must be a whole number, 1 or more"),
        (["limit_items=few"], "limit_items=few: must be a whole number"),
        (["engine=vllm"], "engine=vllm: published scores are measured with transformers alone"),
        (["device=gpu"], "device=gpu: allowed are auto, cpu, cuda, cuda:N"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    reproduce: Reproduce, words: list[str], said: str
) -> None:
    code, _, err = reproduce(*words)
    assert code == 2 and said in err and err.count("\n") == 1


def test_a_task_without_published_rows_is_refused(reproduce: Reproduce) -> None:
    code, _, err = reproduce(task="ja_math_1b")
    assert code == 2 and "task ja_math_1b: no published rows" in err and "ja_vlm_7b" in err
