"""`suite export` and `suite merge` of vision-language models, and mergekit on what they write."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from suite.evaluators.models import vision
from suite.export import checkpoint
from suite.export.checkpoint import Plan
from suite.recipes import mergekit
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Recipe
from suite.records.journal import Journal
from suite.records.trial import Score, Trial
from tests.commands.composed import objective, stored
from tests.evaluators import tiny_vlm
from tests.export import towers
from tests.export.towers import SOUP

Call = Callable[..., tuple[int, str, str]]
PATH = LayerPath("base", (Hop("base", 0), Hop("vlm", 1), Hop("base", 1)))
each_vlm = pytest.mark.parametrize("architecture", ["llava", "qwen2_vl"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    root = tmp_path_factory.mktemp("models")
    return {name: towers.make(root / name, name) for name in ("llava", "qwen2_vl")}


def run_of(folder: Path, folders: dict[str, Path], *recipes: Any, **task: Any) -> Path:
    """A run's folder, as a search of a task with a VLM leaves it."""
    spec = {
        "name": "ja_vlm",
        "base": "base",
        "vlm": "vlm",
        "vocabulary": "cut",
        "models": {name: str(path) for name, path in folders.items()},
        "objectives": [objective("ja", "vqa.rouge")],
        **task,
    }
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(stored(spec)))
    journal = Journal(folder / "trials.jsonl")
    for number, recipe in enumerate(recipes):
        scores = {"vqa.rouge": Score(0.5, 0.1, 20)}
        journal.append(Trial(number, (0.5,), recipe.to_json(), "ok", None, scores, (0.5,), {}))
    return folder


def weights(folder: Path) -> towers.Tensors:
    return dict(vision.load(folder, "cpu").model.state_dict())


def close(
    found: towers.Tensors, wanted: towers.Tensors, rtol: float = 0.0, atol: float = 0.0
) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=rtol, atol=atol)


@each_vlm
def test_a_trial_becomes_a_whole_vlm_and_its_recipe_makes_it_again(
    call: Call, models: dict[str, dict[str, Path]], tmp_path: Path, architecture: str
) -> None:
    here, out = models[architecture], tmp_path / "out"
    run = run_of(tmp_path / "run", here, SOUP, PATH)
    code, said, err = call("export", run, out, "--trial", 0)
    assert code == 0, err
    assert "all but the language tower is that of vlm" in said
    plan = Plan(SOUP, here, "base", vocabulary="cut", vlm="vlm")
    checkpoint.write(plan, tmp_path / "direct", lambda _: {})
    close(weights(out), weights(tmp_path / "direct"))
    text = (out / "README.md").read_text()
    assert "pipeline_tag: image-text-to-text" in text and "Only the language tower" in text
    assert f"| vlm | `{here['vlm']}` | local files | not stated |" in text
    assert f"suite export {run} {out}" in text and "0.5000 ± 0.1000 (20)" in text
    code, _, err = call("merge", out / "recipe.json", tmp_path / "again")
    assert code == 0, err
    close(weights(tmp_path / "again"), weights(out))
    answers = [
        vision.load(folder, "cpu").generate(
            [tiny_vlm.PLACEHOLDER[architecture] + "red"], 6, tiny_vlm.pictures(1)
        )
        for folder in (out, tmp_path / "again", here["vlm"])
    ]
    assert answers[0] == answers[1] != answers[2]
    code, _, err = call("export", run, tmp_path / "path", "--trial", 1)
    assert code == 0, err
    assert len(vision.load(tmp_path / "path", "cpu").model.get_decoder().layers) == 3


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def by_mergekit(text: str, out: Path, **options: Any) -> towers.Tensors:
    """What mergekit makes of a configuration, run in the working directory."""
    pytest.importorskip("mergekit")
    from mergekit.config import MergeConfiguration
    from mergekit.io.tasks import LoaderCache
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    LoaderCache().loaders.clear()  # it would take another test's folder of the same relative name
    config = MergeConfiguration.model_validate(yaml.safe_load(text))
    run_merge(config, str(out), MergeOptions(write_model_card=False, quiet=True, **options))
    return towers.read(out)


@pytest.mark.parametrize(
    ("architecture", "number"),
    [("llava", 0), ("qwen2_vl", 0), ("llava", 1)],  # mergekit has no Qwen2 of another depth
)
@pytest.mark.usefixtures("quiet")
def test_mergekit_makes_the_same_tower_over_plain_ones(
    call: Call,
    models: dict[str, dict[str, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    architecture: str,
    number: int,
) -> None:
    pytest.importorskip("mergekit")
    here, out = models[architecture], tmp_path / "out"
    run = run_of(tmp_path / "run", here, SOUP, PATH)
    assert call("export", run, out, "--trial", number)[0] == 0
    text = (out / "mergekit_config.yml").read_text()
    assert text in (out / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="language-tower-of-vlm"):  # loudly, before it is made
        by_mergekit(text, tmp_path / "too-early")
    steps = [line[4:].split() for line in text.splitlines() if line.startswith("#   suite")]
    code, _, err = call("merge", out / steps[0][2], steps[0][3])
    assert code == 0, err
    tower = towers.tower_of(here["vlm"])
    for name, tensor in towers.read(tmp_path / "language-tower-of-vlm").items():
        assert torch.equal(tensor, tower[name][: len(tensor)])
    made, wanted = by_mergekit(text, tmp_path / "MADE"), towers.tower_of(out)
    assert made.keys() == wanted.keys()
    for name, tensor in made.items():
        torch.testing.assert_close(tensor, wanted[name][: len(tensor)], rtol=1e-5, atol=1e-6)
    assert len(steps) == 2 - number  # MADE has the path's number of layers, the VLM its own
    if number == 0:
        code, _, err = call(*steps[1][1:3], "WITH_EYES", *steps[1][4:])
        assert code == 0, err
        close(weights(tmp_path / "WITH_EYES"), weights(out), rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("quiet")
def test_mergekit_would_leave_the_layers_of_a_llava_out_without_a_word(tmp_path: Path) -> None:
    """Why the YAML does not name it. Once this fails, mergekit can do better, and so can we."""
    here = towers.make(tmp_path / "models", "llava", extra=0)
    names = {name: str(folder) for name, folder in here.items()}
    found = by_mergekit(mergekit.write(SOUP, names), tmp_path / "both")
    alone = Recipe(SOUP.method, SOUP.inputs[:1], "base")
    without = by_mergekit(mergekit.write(alone, names), tmp_path / "alone")
    assert found.keys() == without.keys()
    assert {n for n, t in found.items() if not torch.equal(t, without[n])} == {"lm_head.weight"}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("crimes", [False, True])
def test_mergekit_cannot_merge_a_qwen2_vl_with_a_plain_model(
    models: dict[str, dict[str, Path]], tmp_path: Path, crimes: bool
) -> None:
    names = {name: str(folder) for name, folder in models["qwen2_vl"].items()}
    with pytest.raises(
        RuntimeError, match="no attribute num_hidden_layers" if crimes else "crimes"
    ):
        by_mergekit(mergekit.write(SOUP, names), tmp_path / "out", allow_crimes=crimes)


def recipe_file(path: Path, folders: dict[str, Path], base: str, *others: str) -> Path:
    inputs = [{"model": str(folders[n]), "parameters": {"weight": 0.5}} for n in others]
    recipe = {"merge_method": "task_arithmetic", "base_model": str(folders[base]), "models": inputs}
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_a_base_with_eyes_keeps_them_and_a_plain_one_has_none(call: Call, tmp_path: Path) -> None:
    folders = towers.make(tmp_path / "models", "llava_next", extra=0)
    recipe = recipe_file(tmp_path / "seeing.yaml", folders, "vlm", "japanese")
    code, said, err = call("merge", recipe, tmp_path / "seeing")
    assert code == 0, err
    assert f"all but the language tower is that of {folders['vlm']}" in said
    before, after = weights(folders["vlm"]), weights(tmp_path / "seeing")
    japanese = towers.read(folders["japanese"])
    inside = ("model.language_model.", "lm_head.")
    for name, tensor in before.items():
        if name.startswith(inside):
            other = japanese[name.replace("model.language_model.", "model.")]
            torch.testing.assert_close(after[name], 0.5 * (tensor + other), rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(after[name], tensor)
    recipe = recipe_file(tmp_path / "plain.yaml", folders, "base", "vlm")
    code, said, err = call("merge", recipe, tmp_path / "plain")
    assert code == 0 and "language tower" not in said, err
    assert json.loads((tmp_path / "plain" / "config.json").read_text())["model_type"] == "mistral"
    code, _, err = call("merge", recipe, tmp_path / "lent", "--vlm", folders["vlm"])
    assert code == 0, err
    plain = towers.read(tmp_path / "plain")
    for name, tensor in weights(tmp_path / "lent").items():
        if name.startswith(inside):
            assert torch.equal(tensor, plain[name.replace("model.language_model.", "model.")])
        else:
            assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("base", "options", "said"),
    [
        ("base", (), "tensor 'lm_head.weight' has shape"),
        ("base", ("--vlm", "japanese", "--vocabulary", "cut"), "has no vision tower"),
        ("base", ("--vlm", "/nowhere"), "/nowhere: no such folder"),
        ("vlm", (), "a vocabulary smaller than the base's cannot be merged"),
        ("base", ("--vocabulary", "pad"), "invalid choice: 'pad'"),
        ("other", ("--vlm", "vlm", "--vocabulary", "cut"), "models do not fit: "),
    ],
)
def test_merges_that_do_not_fit_are_refused_in_one_line(
    call: Call,
    models: dict[str, dict[str, Path]],
    tmp_path: Path,
    base: str,
    options: tuple[str, ...],
    said: str,
) -> None:
    here = {**models["llava"], "other": models["qwen2_vl"]["base"]}
    words = [here.get(word, word) for word in options]
    expert = "vlm" if base == "base" else "japanese"
    recipe = recipe_file(tmp_path / "recipe.yaml", here, base, expert)
    code, _, err = call("merge", recipe, tmp_path / "out", *words)
    assert code == 2 and said in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


def test_a_vlm_without_processor_is_refused(
    call: Call, models: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    blind = Path(shutil.copytree(models["llava"]["vlm"], tmp_path / "blind"))
    for file in blind.glob("*processor*"):
        file.unlink()
    run = run_of(tmp_path / "run", {**models["llava"], "vlm": blind}, SOUP)
    code, _, err = call("export", run, tmp_path / "out", "--trial", 0)
    assert code == 2 and "no processor" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
