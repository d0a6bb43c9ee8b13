"""`suite reproduce` on the published maths task in miniature: replies, figures, verdicts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from suite import resources
from suite.assembly import assemble, compose
from suite.evaluators.scorers import language
from tests.commands import small_math
from tests.commands.reproducing import (
    FEW,
    METRIC,
    Reproduce,
    asked,
    cells,
    lines,
    talkative,
    verdict,
)
from tests.commands.small_math import MODELS


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of baselines of one's own in the place of the shipped ones, with ja_math_7b's."""
    known, folder = resources.data, tmp_path / "baselines"
    shutil.copytree(known("baselines") / "ja_math_7b", folder / "ja_math_7b")
    monkeypatch.setattr(
        resources, "data", lambda kind: folder if kind == "baselines" else known(kind)
    )
    return folder / "ja_math_7b"


def test_rows_are_measured_as_they_are_and_merged(
    reproduce: Reproduce, published_hub: Any, small: small_math.Small, tmp_path: Path
) -> None:
    names = ["evollm_jp_v1_7b", "abel", "ties_0.5", "lora_wizard"]
    code, out, err = reproduce(f"only=[{','.join(names)}]")
    assert code == 0, err
    root = tmp_path / "results/published/ja_math_7b"
    assert sorted(path.name for path in root.iterdir()) == ["abel", "evollm_jp_v1_7b", "ties_0.5"]
    for name in ("abel", "evollm_jp_v1_7b"):
        found = verdict(root / name)
        replies = lines(root / name)
        assert len(replies) == 250 and len({each["id"] for each in replies}) == 250
        assert found["scores"][METRIC] == [0.0, 0.0, 250]
        (maths, general) = found["figures"]
        assert maths["verdict"].startswith("off by -") and maths["sigmas"] < -5
        assert general["measured"] is None and "lm-eval issue 1392" in general["verdict"]
    ties = verdict(root / "ties_0.5")["figures"][0]
    assert ties["measured"] is not None
    assert ties["verdict"] == "not comparable: settings not published"
    assert "not comparable: weights not released" in cells(out, "ja_math_7b/lora_wizard")
    assert "0.52 (SR)" in cells(out, "ja_math_7b/evollm_jp_v1_7b")
    check_replies(small.models["abel"], lines(root / "abel"), small)
    card = json.loads((root / "abel/card.json").read_text())
    assert card["what"]["models"] == {"abel": f"{MODELS['abel']}@{'ab' * 20}"}
    assert card["what"]["asked"] == {"abel": f"{MODELS['abel']}@refs/pr/2"}
    assert len(card["what"]["evaluators"]["mgsm_ja"]["each"]) == 250
    assert {"torch", "transformers"} <= card["environment"]["packages"].keys()
    before = {path: path.read_bytes() for path in root.rglob("*.json*")}
    requests = len(published_hub.server.requests)
    assert reproduce(f"only=[{','.join(names)}]")[0] == 0  # nothing is left to do, nor to download
    assert {path: path.read_bytes() for path in root.rglob("*.json*")} == before
    assert len(published_hub.server.requests) == requests


def check_replies(folder: Path, replies: list[dict[str, Any]], small: small_math.Small) -> None:
    """Greedy replies of the checkpoint as it is, with transformers alone."""
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    entry = yaml.safe_load((resources.data("conf") / "evaluator/mgsm_ja.yaml").read_text())
    questions = {item.id: item.prompt for item in asked(small.data)}
    same = 0
    for each in replies[:10]:
        question = questions[each["id"]]
        inputs = words(entry["template"].replace("{prompt}", question), return_tensors="pt")
        out = model.generate(
            inputs["input_ids"], attention_mask=inputs["attention_mask"], do_sample=False,
            max_new_tokens=3, pad_token_id=words.eos_token_id,
        )  # fmt: skip
        reply = words.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        same += reply == each["reply"]
    assert same >= 9  # alone and in a batch, bfloat16 may round one apart


def test_a_published_number_that_is_met_is_reproduced(
    reproduce: Reproduce, rows: Path, tmp_path: Path
) -> None:
    """A model that solves nothing, where nothing was published too."""
    file = rows / "published/evollm_jp_v1_7b.yaml"
    file.write_text(file.read_text().replace("value: 0.520", "value: 0.0"))
    code, out, err = reproduce("only=[ja_math_7b/evollm_jp_v1_7b]", task=None)
    assert code == 0, err
    found = verdict(tmp_path / "results/published/ja_math_7b/evollm_jp_v1_7b")
    assert found["figures"][0]["verdict"] == "reproduced"
    assert "reproduced" in cells(out, "ja_math_7b/evollm_jp_v1_7b")


def test_the_score_is_what_a_count_of_the_replies_says(
    reproduce: Reproduce, small: small_math.Small, tmp_path: Path
) -> None:
    """A model of digits and kana alone, and a table whose answers are often what it says."""
    talkative(small.models["japanese"], tmp_path / "model")
    words = ("only=[japanese]", f"task.models.japanese={tmp_path / 'model'}")
    assert reproduce(*words)[0] == 0
    folder = tmp_path / "results/published/ja_math_7b/japanese"
    said = {line["id"]: line["reply"] for line in lines(folder)}
    shutil.copytree(small.data, tmp_path / "data")
    table, right = [], []
    for row, item in enumerate(asked(small.data)):
        numbers = re.findall(r"[0-9]+", said[item.id])
        met = bool(numbers) and row % 3 > 0
        gold = numbers[-1] if met else "123456"
        table.append(f"{item.prompt}\t{gold}")
        right.append(met and language.p_japanese(said[item.id]) > 0.5)
    (tmp_path / "data/mgsm/mgsm_ja.tsv").write_text("\n".join(table) + "\n")
    assert 20 < sum(right) < 230
    code, _, err = reproduce(
        *words, f"task.data={tmp_path / 'data'}", f"results={tmp_path / 'again'}"
    )
    assert code == 0, err
    found = verdict(tmp_path / "again/published/ja_math_7b/japanese")["figures"][0]
    share = sum(right) / 250
    assert found["measured"] == pytest.approx(share)
    assert found["stderr"] == pytest.approx((share * (1 - share) / 249) ** 0.5)
    assert found["sigmas"] == pytest.approx((share - 0.096) / found["stderr"])
    assert found["verdict"] == f"off by {found['sigmas']:+.1f} σ" and found["sigmas"] > 2
    card = json.loads((tmp_path / "again/published/ja_math_7b/japanese/card.json").read_text())
    assert card["what"]["models"] == {"japanese": "model"}  # no path of this machine
    assert set(card["what"]["weights"]["japanese"]) == {"model.safetensors"}


def test_a_subset_is_drawn_once_and_labelled(
    reproduce: Reproduce, small: Any, tmp_path: Path
) -> None:
    code, out, err = reproduce("only=[japanese]", "limit_items=9")
    assert code == 0, err
    folder = tmp_path / "results/published/ja_math_7b/japanese"
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.subset-9.json", "mgsm_ja.subset-9.jsonl", "verdict.subset-9.json",
    ]  # fmt: skip
    chosen = np.random.default_rng(0).choice(250, size=9, replace=False)
    ids = {line["id"] for line in lines(folder, "mgsm_ja.subset-9.jsonl")}
    items = asked(small.data)
    assert ids == {items[index].id for index in chosen}
    found = verdict(folder, "verdict.subset-9.json")
    assert found["subset"] == 9 and found["figures"][0]["n"] == 9
    assert found["figures"][0]["verdict"].startswith("subset of 9: ")
    assert "subset of 9 items" in out and "reproduced" not in out
    card = json.loads((folder / "card.subset-9.json").read_text())
    assert card["what"]["subset"] == {"size": 9, "seed": 0}
    assert reproduce("only=[japanese]", "limit_items=8")[0] == 0  # beside it, not over it
    assert (folder / "verdict.subset-8.json").exists() and lines(folder, "mgsm_ja.subset-9.jsonl")


def test_other_items_than_published_are_not_compared(reproduce: Reproduce, tmp_path: Path) -> None:
    code, _, err = reproduce("only=[japanese]", *FEW)
    assert code == 0, err
    found = verdict(tmp_path / "results/published/ja_math_7b/japanese")["figures"][0]
    assert found["n"] == 12
    assert found["verdict"] == "not comparable: 12 items here, 250 published"


def test_baselines_are_judged_as_before() -> None:
    """Rows of the sub-folder are none of a task's baselines, and scores beside a merge change nothing."""
    config = compose.compose(["task=ja_math_7b"])
    found = assemble.baselines(config)
    assert "evollm_jp_v1_7b" not in found and found["abel"].title == "linear"
    assert len(found) == len([*(resources.data("baselines") / "ja_math_7b").glob("*.yaml")])
