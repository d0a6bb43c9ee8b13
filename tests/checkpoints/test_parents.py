from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from suite import resources
from suite.checkpoints import parents
from suite.checkpoints.parents import Parent
from suite.errors import BadInput
from suite.recipes.recipe import Recipe
from tests.hub_server import HubServer


def copy(tmp_path: Path, name: str, card: str | None = None) -> str:
    folder = tmp_path / name
    shutil.copytree(resources.resolve(f"zoo:ja_math_micro/{name}"), folder)
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return str(folder)


def test_a_local_parent_keeps_its_path_and_says_its_licence(tmp_path: Path) -> None:
    models = {"base": copy(tmp_path, "base", "---\nlicense: mit\n---\n# x"), "b": ""}
    models["b"] = copy(tmp_path, "japanese")
    found = parents.find(models, "base")
    assert found["base"] == Parent("base", models["base"], tmp_path / "base", licence="mit")
    assert found["b"] == Parent("b", models["b"], tmp_path / "japanese")


def test_a_hub_parent_is_named_with_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path / "home")
        card = "---\nlicense: apache-2.0\n---"
        commit = server.add("org/ja", Path(copy(tmp_path, "japanese", card)))
        models = {"base": "zoo:ja_math_micro/base", "ja": "org/ja@main"}
        found = parents.find(models, "base")["ja"]
        assert (found.where, found.licence) == (f"org/ja@{commit}", "apache-2.0")
        assert (found.repo, found.revision) == ("org/ja", commit)
        assert (found.folder / "model.safetensors").is_file()


def test_parents_that_do_not_fit_are_not_even_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = Path(copy(tmp_path, "japanese")) / "model.safetensors"
    tensors = load_file(weights)
    tensors["model.norm.weight"] = tensors["model.norm.weight"][:-1].clone()
    save_file(tensors, weights, metadata={"format": "pt"})
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path / "home")
        server.add("org/ja", weights.parent)
        with pytest.raises(BadInput, match=r"models do not fit: tensor 'model.norm.weight'"):
            parents.find({"base": "zoo:ja_math_micro/base", "ja": "org/ja"}, "base")
        ranges = [request.range for request in server.fetched("model.safetensors")]
        assert all(ranges)  # its header only


def test_a_shared_licence_is_one_that_every_parent_states() -> None:
    def having(*licences: str | None) -> dict[str, Parent]:
        return {str(i): Parent(str(i), "", Path(), licence=x) for i, x in enumerate(licences)}

    assert parents.shared_licence(having("mit", "mit")) == "mit"
    assert parents.shared_licence(having("mit", "apache-2.0")) is None
    assert parents.shared_licence(having("mit", None)) is None


def test_layers_are_counted_by_the_tensors() -> None:
    assert parents.layers("zoo:ja_math_micro/base") == 6


def test_the_base_comes_first_and_each_model_once(soup: Recipe) -> None:
    assert parents.used(soup, "base") == ["base", "japanese", "math_add"]
    assert parents.used(soup, "math_add") == ["math_add", "base", "japanese"]
