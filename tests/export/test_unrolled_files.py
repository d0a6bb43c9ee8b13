"""The files of an exported layer path: its card, its recipe, and what is made again from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from suite import resources
from suite.__main__ import main
from suite.assembly import assemble
from suite.assembly.spec import RunSpec
from suite.checkpoints.parents import Parent
from suite.evaluators.models import handle
from suite.export.card import Made, Origin, texts
from suite.export.checkpoint import Weights
from suite.merging import PathMerger, Sources
from suite.recipes.layer_path import Hop, LayerPath, read_json
from suite.records.folder import RunFolder
from suite.records.trial import Score, Trial
from suite.search.pick import Pick
from tests.export.unrolling import SOUP, ten_hops


def card_of(path: LayerPath, weights: Weights) -> dict[str, str]:
    parents = {n: Parent(n, f"local/{n}", Path(n)) for n in ("base", "japanese", "math_add")}
    made = Made("mine", "suite export", "x86_64", {})
    trial = Trial(7, (), {}, "ok", None, {}, (0.5,), {})
    origin = Origin(
        Pick(trial, "the knee", "search"), "t", "nsga2", 0, [], {"search": {"m": Score(1, 0, 1)}},
        "x86_64",
    )  # fmt: skip
    return texts(path, parents, made, weights, origin)


def test_the_card_says_which_layers_repeat_and_that_scores_are_not_bit_equal() -> None:
    hops = (Hop("base", 0, 1.0), Hop("mix", 2, 0.5), Hop("mix", 2, 0.5))
    path = LayerPath("base", hops, {"mix": SOUP})
    files = card_of(path, Weights(9, "float32", "float32", 0.0, 4.2e-7))
    card = files["README.md"]
    for said in (
        "A layer path of 3 layers over base, mix (embeddings, final norm and head of base), found",
        "3 layers, 2 of them different; 1 are copies of an earlier one.",
        "mix is itself a `linear` merge of base, math_add.",
        "| layer | is layer | of | which is here | input scale s | divided by c |",
        "| 0 | 0 | base | once | 1 | 1 |",
        "| 2 | 2 | mix | 2 times | 0.5 | 0.25 |",
        "by 4.2e-07 (relative norm)",
        "here the weights are divided by them, so expect nearly the same scores, not the same bit",
    ):
        assert said in card
    assert "gives the same scores bit for bit" not in card
    narrow = card_of(path, Weights(9, "float32", "bfloat16", 0.5, 4.2e-7))["README.md"]
    assert "here the weights are rounded to bfloat16 and divided" in narrow
    assert read_json(json.loads(files["recipe.json"])) == path
    plain = LayerPath("base", (Hop("base", 0), Hop("base", 1)))
    card = card_of(plain, Weights(9, "float32", "float32", 0.0))["README.md"]
    assert "2 layers, 2 of them different; none is repeated." in card
    assert "gives the same scores bit for bit" in card and "divided" not in card


@pytest.mark.parametrize("file", ["recipe.json", "mergekit_config.yml"])
def test_an_exported_path_is_made_again_from_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    merges = {"mix": SOUP} if file == "recipe.json" else {}
    path = ten_hops(0, **merges)
    models = {n: {"model": f"zoo:ja_math_micro/{n}"} for n in path.models}
    given = tmp_path / "given.json"
    given.write_text(json.dumps({**path.to_json(), "models": models}))
    assert main(["merge", str(given), str(tmp_path / "one")]) == 0, capsys.readouterr().err
    assert path.title in capsys.readouterr().out
    assert main(["merge", str(tmp_path / "one" / file), str(tmp_path / "two")]) == 0
    one, two = (load_file(tmp_path / out / "model.safetensors") for out in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():  # mergekit's factors are 1 / c: the last bit may differ
        torch.testing.assert_close(two[name], tensor, rtol=3e-7, atol=0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "bad.json: not a recipe"),
        ("{", "bad.json: cannot be read"),
        (json.dumps(LayerPath("base", (Hop("base", 9),)).to_json()), "it has layers 0 to 5"),
        (json.dumps({"method": "path", "hops": [], "frame": "a", "merges": {}}), "no hops"),
    ],
)
def test_files_that_hold_no_path_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    file = tmp_path / "bad.json"
    if text.startswith("{") and len(text) > 1:
        models = {"base": {"model": "zoo:ja_math_micro/base"}}
        text = json.dumps({**json.loads(text), "models": models})
    file.write_text(text)
    assert main(["merge", str(file), str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_a_trial_of_a_run_is_exported_with_its_scores(
    few_items: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float
) -> None:
    assert main(["run", f"results={tmp_path}", *few_items, "optimizer=random", "trials=1"]) == 0
    (run,) = (file.parent for file in tmp_path.rglob("trials.jsonl"))
    order = [("japanese", 0), ("soup", 1), ("japanese", 1), ("soup", 1), ("japanese", 5)]
    path = LayerPath("japanese", tuple(Hop(*hop, scale) for hop in order), {"soup": SOUP})
    made = RunSpec.of(RunFolder(run))
    evaluators = assemble.evaluators(made)

    def scores(live: handle.TransformersHandle) -> dict[str, Any]:
        return {
            f"{each.name}.{figure}": score.to_json()
            for each in evaluators
            for figure, score in each.evaluate(live, "search").items()
        }

    folders = {n: resources.resolve(f"zoo:ja_math_micro/{n}") for n in ("base", *path.models)}
    live = handle.load(folders["base"], "cpu", made.batch_size)
    PathMerger(Sources.load(folders), live.model).merge(path)
    line = json.loads((run / "trials.jsonl").read_text())
    line |= {"recipe": path.to_json(), "scores": scores(live)}
    (run / "trials.jsonl").write_text(json.dumps(line) + "\n")
    capsys.readouterr()
    out = tmp_path / "out"
    assert main(["export", str(run), str(out), "--trial", "0"]) == 0, capsys.readouterr().err
    assert "path of 5 hops over japanese, soup" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    if scale == 1.0:
        assert scores(handle.load(out, "cpu", made.batch_size)) == line["scores"]
    assert ("gives the same scores bit for bit" in card) == (scale == 1.0)
    assert read_json(json.loads((out / "recipe.json").read_text())) == path
    assert not (out / "mergekit_config.yml").exists()  # a part is a merge
    assert "mergekit cannot express it" in card
