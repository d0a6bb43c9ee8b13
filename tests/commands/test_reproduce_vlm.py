"""`suite reproduce` on the published Japanese VLM in miniature: two evaluators, pictures, the median."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.__main__ import main
from suite.evaluators.models import handle
from suite.evaluators.scorers import rouge
from tests.commands.small_7b import FEW, Small
from tests.hub_server import HubServer


def test_a_vlm_is_asked_about_pictures(
    small_vlm: Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MERGE_SUITE_CACHE", str(tmp_path / "cache"))
    loaded: list[Any] = []
    generate = handle.TransformersHandle.generate

    def noted(self: Any, *words: Any, **more: Any) -> Any:
        loaded.append(self.model)
        return generate(self, *words, **more)

    monkeypatch.setattr(handle.TransformersHandle, "generate", noted)
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path / "home")
        server.add("SakanaAI/EvoVLM-JP-v1-7B", small_vlm.models["vlm"])
        words = [
            "only=[vlm,evovlm_jp_v1_7b,dare_ties_0.5]",
            *small_vlm.words(*FEW),
            "batch_size=10",
        ]
        code = main(["reproduce", "task=ja_vlm_7b", "device=cpu", f"results={tmp_path}", *words])
    out, err = capsys.readouterr()
    assert code == 0, err
    for row, theta in (("vlm", 1e6), ("evovlm_jp_v1_7b", 1e6), ("dare_ties_0.5", 1e4)):
        model = loaded[4 * ["vlm", "evovlm_jp_v1_7b", "dare_ties_0.5"].index(row)]
        assert type(model).__name__ == "LlavaForConditionalGeneration"  # as published: no tiling
        assert model.dtype == torch.float16
        # The model's own where it is as it is, the task's where it is a merge.
        assert model.config.text_config.rope_parameters["rope_theta"] == theta
        folder = tmp_path / "published/ja_vlm_7b" / row
        found = json.loads((folder / "verdict.json").read_text())
        assert [f["n"] for f in found["figures"]] == [4, 3]
        for figure, name in zip(found["figures"], ("ja_vg_vqa", "ja_wild"), strict=True):
            lines = [json.loads(line) for line in (folder / f"{name}.jsonl").open()]
            outcomes = [line["outcome"]["rouge_l_ja"] for line in lines]
            assert figure["mean"] == pytest.approx(np.mean(outcomes))
            assert figure["measured"] == found["scores"][f"{name}.rouge_l_ja_median"][0]
            assert abs(figure["measured"] - figure["mean"]) < 0.05
            assert all(line["tokens"] <= 6 for line in lines)
        settings = {"vlm": "4 items here, 500 published", "dare_ties_0.5": "settings not published"}
        said = settings.get(row, settings["vlm"])
        assert found["figures"][0]["verdict"] == f"not comparable: {said}"
    assert "(mean " in out
    assert rouge.EARLIER["rouge_l_ja"] == 5
