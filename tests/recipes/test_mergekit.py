"""mergekit's configurations to recipes and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes.mergekit import read, write
from suite.recipes.method_table import METHODS
from suite.recipes.parameters import Filtered, Rule
from suite.recipes.recipe import Input, Recipe
from tests.mergekit_texts import SLICES, TIES

BASELINES = Path(__file__).parents[2] / "baselines" / "ja_math_micro"


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
        return st.integers(int(rule.low), int(rule.high))
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
    base = {
        "subtracted": "base",
        "if_given": draw(st.sampled_from(["base", None])),
        "input": models[-1],
        "optional": draw(st.sampled_from([models[0], None])),
    }[method.base]
    dtype = draw(st.sampled_from(["float32", "bfloat16", "float16"]))
    return Recipe(name, inputs, base, parameters(False), dtype)


@given(recipes())
def test_written_recipes_are_read_back(recipe: Recipe) -> None:
    assert read(write(recipe)) == recipe
    names = {name: f"org/{name}@main" for name in ("base", *(i.model for i in recipe.inputs))}
    back = {told: name for name, told in names.items()}
    assert read(write(recipe, names), back) == recipe


def test_names_of_a_written_recipe() -> None:
    recipe = read(TIES)
    told = yaml.safe_load(write(recipe, {"base": "x", "org/a@abc123": "y", "org/b": "/some/z"}))
    assert told["base_model"] == "x" and [m["model"] for m in told["models"]] == ["y", "/some/z"]
    with pytest.raises(BadInput, match="model 'org/b' has no name; there are base, org/a@abc123"):
        write(recipe, {"base": "x", "org/a@abc123": "y"})
    with pytest.raises(BadInput, match="the name 'x' stands for another"):
        write(recipe, {"base": "x", "org/a@abc123": "y", "org/b": "x"})
    with pytest.raises(BadInput, match="adapters"):
        write(recipe, {"base": "x", "org/a@abc123": "y", "org/b": "z+lora"})


def test_arithmetic_is_in_float32() -> None:
    written = yaml.safe_load(write(read(TIES)))
    assert (written["dtype"], written["out_dtype"]) == ("float32", "bfloat16")
    assert "out_dtype" not in yaml.safe_load(write(read(TIES.replace("bfloat16", "float32"))))
    for line, dtype in (
        ("dtype: bfloat16", "bfloat16"),
        ("dtype: float32\nout_dtype: torch.float16", "float16"),
        ("out_dtype: bfloat16", "bfloat16"),
        ("out_dtype: null", "float32"),
    ):
        assert read(TIES.replace("dtype: bfloat16", line)).dtype == dtype


def test_a_method_per_part_cannot_be_written() -> None:
    methods = (Filtered("mlp", "ties"), Filtered(None, "task_arithmetic"))
    recipe = Recipe(methods, (Input("a", {"weight": 1.0}),), "base")
    with pytest.raises(BadInput, match=r"each part .* \(ties \+ task_arithmetic\) cannot be said"):
        write(recipe)


@pytest.mark.parametrize("line", ["tokenizer_source: base", "tokenizer: {source: base}"])
def test_the_tokenizer_is_the_bases(line: str) -> None:
    assert read(f"{TIES}{line}\n") == read(TIES)


def test_parameters_without_effect_are_dropped() -> None:
    text = TIES.replace("method: ties", "method: task_arithmetic").replace(
        "int8", "rescale: 1, int8"
    )
    recipe = read(text)
    assert set(recipe.parameters) == {"normalize", "lambda"}
    assert all(set(entry.parameters) == {"weight"} for entry in recipe.inputs)


def test_a_single_condition_is_a_list_of_one() -> None:
    recipe = read(TIES.replace("lambda: 0.7", "lambda: {filter: mlp, value: '1e-2'}"))
    assert recipe.parameters["lambda"] == (Filtered("mlp", 0.01),)


@pytest.mark.parametrize("word", ["1", "1.0", "'True'", "yes", "'on'"])
def test_switches_are_whatever_mergekit_takes(word: str) -> None:
    assert (
        read(TIES.replace("normalize: false", f"normalize: {word}")).parameters["normalize"] is True
    )
    rescaled = read(TIES.replace("int8_mask: true", f"rescale: {word}"))
    assert rescaled.parameters["rescale"] == "l1"


def test_a_list_of_switches_chooses_by_depth() -> None:
    text = TIES.replace("normalize: false", "normalize: [true, false]")
    recipe = read(text, layers=3)
    found = [recipe.value("normalize", f"model.layers.{i}.mlp.x", 3) for i in range(3)]
    assert found == [True, True, False] and recipe.value("normalize", "lm_head.weight", 3) is True
    with pytest.raises(BadInput, match="need the models' number of layers"):
        read(text)


BAD = [
    ("merge_method 'magic' is not supported; there are linear", TIES, "ties", "magic"),
    ("source 'union' is not supported", TIES, "dtype:", "tokenizer_source: union\ndtype:"),
    ("source 'org/b' is not supported", TIES, "dtype:", "tokenizer_source: org/b\ndtype:"),
    ("source 'union' is not supported", TIES, "dtype:", "tokenizer: {}\ndtype:"),
    ("tokenizer: tokens is not", TIES, "dtype:", "tokenizer: {source: base, tokens: {}}\ndtype:"),
    ("chat_template, modules is not", TIES, "dtype:", "modules: {}\nchat_template: x\ndtype:"),
    ("dtype 'float64' is unknown", TIES, "dtype:", "out_dtype: float64\ndtype:"),
    ("merge_method 'ram' is not supported", TIES, "ties", "ram"),
    ("either models or slices", TIES, "models:", "slices: []\nmodels:"),
    ("models must be a list", "merge_method: linear\nmodels: []\n", "[]", "{}"),
    ("unknown parameter 'gamma'", TIES, "lambda: 0.7", "gamma: 0.7"),
    (
        "unknown parameter 'colour'",
        TIES,
        "- model: base",
        "- model: base\n    parameters: {colour: 1}",
    ),
    ("lambda belongs at the top level", TIES, "weight: 0.5", "lambda: 1, weight: 0.5"),
    ("'org/b' is named twice", TIES, "org/a@abc123", "org/b"),
    ("only one revision", TIES, "abc123", "abc@123"),
    ("weight is None", TIES, "weight: 0.5", "weight: null"),
    ("density is \\[\\]", TIES, "[1, 0.5, 1e-1]", "[]"),
    ("density is .*; a list is of numbers or", TIES, "[1, 0.5, 1e-1]", "[1, {value: 0}]"),
    ("filter inside a filter", TIES, "value: [0, 1]", "value: [{value: 0}]"),
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


def test_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.yaml: cannot be read"):
        read(tmp_path / "gone.yaml")
    (tmp_path / "bad.yaml").write_text("merge_method: magic")
    with pytest.raises(BadInput, match=r"bad\.yaml: merge_method 'magic'"):
        read(tmp_path / "bad.yaml")


@pytest.mark.parametrize("path", sorted(BASELINES.glob("*.yaml")), ids=lambda path: path.stem)
def test_baselines_are_recipes(path: Path) -> None:
    donors = [f"shuffled({name} - base, 0)" for name in ("math_add", "math_mul")]
    names = {name: name for name in ("base", "japanese", "math_add", "math_mul", *donors)}
    recipe = read(path, names)
    assert read(write(recipe)) == recipe
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_baselines_differ() -> None:
    recipes = [read(path) for path in BASELINES.glob("*.yaml")]
    assert len({recipe.digest for recipe in recipes}) == len(recipes) >= 15
