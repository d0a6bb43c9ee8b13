from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.mergekit import read, write
from suite.recipe import Input, Recipe
from suite.rules import METHODS
from suite.values import Filtered, Rule

BASELINES = Path(__file__).parents[1] / "baselines" / "ja_math_micro"
TIES = """
models:
  - model: base
  - model: org/a@abc123
    parameters: {weight: 0.5, density: [1, 0.5, 1e-1]}
  - model: org/b
    parameters:
      weight:
        - filter: mlp
          value: [0, 1]
        - value: 0.25
merge_method: ties
base_model: base
parameters: {normalize: false, int8_mask: true, lambda: 0.7}
dtype: bfloat16
"""


def test_models_form() -> None:
    weights = (Filtered("mlp", (0.0, 1.0)), Filtered(None, 0.25))
    assert read(TIES) == Recipe(
        "ties",
        (
            Input("org/a@abc123", {"weight": 0.5, "density": (1.0, 0.5, 0.1)}),
            Input("org/b", {"weight": weights}),
        ),
        "base",
        {"normalize": False, "lambda": 0.7},
        "bfloat16",
    )


SLICES = """
slices:
  - sources:
      - {model: a, layer_range: [0, 6]}
      - {model: b, layer_range: [0, 6]}
    parameters:
      t: [{filter: mlp, value: 0.1}]
merge_method: slerp
base_model: a
parameters: {t: 0.5}
"""


def test_slices_form_stacks_its_parameters() -> None:
    recipe = read(SLICES, layers=6)
    assert [i.model for i in recipe.inputs] == ["a", "b"] and recipe.base == "a"
    assert recipe.value("t", "model.layers.1.mlp.up_proj.weight", 6) == 0.1
    assert recipe.value("t", "model.norm.weight", 6) == 0.5
    scalar = read(SLICES.replace("[{filter: mlp, value: 0.1}]", "0.2"), layers=6)
    assert scalar.parameters["t"] == 0.2


def test_slerp_adds_its_base_like_mergekit() -> None:
    text = "{merge_method: slerp, base_model: a, models: [{model: b}], parameters: {t: 0.3}}"
    assert [i.model for i in read(text).inputs] == ["b", "a"]


def test_names_are_resolved() -> None:
    names = {"base": "base", "org/a@abc123": "japanese", "org/b": "maths"}
    recipe = read(TIES, names)
    assert [i.model for i in recipe.inputs] == ["japanese", "maths"]
    assert read(TIES, names.__getitem__) == recipe
    with pytest.raises(BadInput, match="model 'org/b' is unknown; there are base, org/a@abc123"):
        read(TIES, {"base": "base", "org/a@abc123": "japanese"})


@pytest.mark.parametrize(("yes", "word"), [("true", "l1"), ("false", "none")])
def test_dare_rescale(yes: str, word: str) -> None:
    text = TIES.replace("method: ties", "method: dare_ties").replace(
        "int8_mask: true", f"rescale: {yes}"
    )
    recipe = read(text)
    assert recipe.parameters["rescale"] == word
    assert yaml.safe_load(write(recipe))["parameters"]["rescale"] is (yes == "true")
    paper = read(text.replace(f"rescale: {yes}", "rescale: inverse_density"))
    with pytest.raises(BadInput, match="'inverse_density' cannot be said in mergekit"):
        write(paper)


def plain_values(rule: Rule) -> st.SearchStrategy[Any]:
    if rule.kind == "switch":
        return st.booleans()
    if rule.kind == "choice":
        return st.sampled_from(["l1", "none"])
    if rule.kind == "integer":
        return st.integers(0, 2**63 - 1)
    low, high = max(rule.low, -9.0), min(rule.high, 9.0)
    numbers = st.floats(low, high)
    return numbers | st.lists(numbers, min_size=1, max_size=5).map(tuple)


def values(rule: Rule) -> st.SearchStrategy[Any]:
    filters = st.builds(Filtered, st.sampled_from([None, "*", "mlp", "自己"]), plain_values(rule))
    stacked = st.lists(filters, min_size=1, max_size=3).map(tuple)
    return plain_values(rule) if rule.kind == "integer" else plain_values(rule) | stacked


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    name = draw(st.sampled_from(sorted(METHODS)))
    method = METHODS[name]

    def parameters(per_input: bool) -> dict[str, Any]:
        return {
            key: draw(values(rule))
            for key, rule in method.parameters.items()
            if rule.per_input == per_input and (rule.default is None or draw(st.booleans()))
        }

    models = [f"m{i}" for i in range(method.inputs or draw(st.integers(method.least, 4)))]
    inputs = tuple(Input(model, parameters(True)) for model in models)
    base = {"subtracted": "base", "if_given": "base", "input": models[-1], "optional": None}[method.base]
    dtype = draw(st.sampled_from(["float32", "bfloat16"]))
    return Recipe(name, inputs, base, parameters(False), dtype)


@settings(deadline=None)
@given(recipes())
def test_written_recipes_are_read_back(recipe: Recipe) -> None:
    assert read(write(recipe)) == recipe


BAD = [
    ("merge_method 'magic' is not supported; there are linear", TIES, "ties", "magic"),
    ("tokenizer_source is not supported", TIES, "dtype:", "tokenizer_source: base\ndtype:"),
    ("chat_template, modules is not", TIES, "dtype:", "modules: {}\nchat_template: x\ndtype:"),
    ("out_dtype is not supported", TIES, "dtype:", "out_dtype: float16\ndtype:"),
    ("either models or slices", TIES, "models:", "slices: []\nmodels:"),
    ("models must be a list", "merge_method: linear\nmodels: []\n", "[]", "{}"),
    ("unknown parameter 'gamma'", TIES, "lambda: 0.7", "gamma: 0.7"),
    ("lambda is 'much'", TIES, "lambda: 0.7", "lambda: much"),
    ("adapters are not supported", TIES, "org/b", "org/b+lora"),
    ("layer_range \\[0, 4\\] of 'b'", SLICES, "b, layer_range: [0, 6]", "b, layer_range: [0, 4]"),
    ("weird is not supported", SLICES, "model: b,", "model: b, weird: 1,"),
    ("keys filter and value", SLICES, "filter: mlp, value: 0.1", "filter: mlp"),
    ("cannot be read", TIES, "models:", "models: ["),
    ("must be a mapping of names, not str", TIES, TIES, "hello"),
    ("must be a mapping of names, not NoneType", TIES, TIES, ""),
]


@pytest.mark.parametrize(("message", "text", "old", "new"), BAD)
def test_bad_configurations(message: str, text: str, old: str, new: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        read(text.replace(old, new), layers=6)
    assert "\n" not in str(error.value)


def test_slices_must_be_whole() -> None:
    with pytest.raises(BadInput, match="number of layers must be known"):
        read(SLICES)
    two = yaml.safe_load(SLICES)
    two["slices"] *= 2
    with pytest.raises(BadInput, match="2 slices; only one"):
        read(yaml.safe_dump(two), layers=6)


def test_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.yaml: cannot be read"):
        read(tmp_path / "gone.yaml")
    (tmp_path / "bad.yaml").write_text("merge_method: magic")
    with pytest.raises(BadInput, match=r"bad\.yaml: merge_method 'magic'"):
        read(tmp_path / "bad.yaml")


@pytest.mark.parametrize("path", sorted(BASELINES.glob("*.yaml")), ids=lambda path: path.stem)
def test_baselines_are_recipes(path: Path) -> None:
    names = {name: name for name in ("base", "japanese", "math_add", "math_mul")}
    recipe = read(path, names)
    assert read(write(recipe)) == recipe
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_baselines_differ() -> None:
    recipes = [read(path) for path in BASELINES.glob("*.yaml")]
    assert len({recipe.digest for recipe in recipes}) == len(recipes) >= 15
