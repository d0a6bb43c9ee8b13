"""Published rows as files say them, and verdicts against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mergekit.config import MergeConfiguration

from suite import resources
from suite.errors import BadInput
from suite.recipes import mergekit
from suite.records.trial import Score
from suite.reproduce import published
from suite.reproduce.published import Figure
from suite.reproduce.verdict import compare

BASELINES = resources.data("baselines")
FILES = sorted(path for path in BASELINES.rglob("*.yaml") if "\npublished:\n" in path.read_text())
# Section 5 of the collected facts: model, MGSM-JA, JP-LMEH; and model, JA-VG-VQA-500, In-the-Wild.
MATHS = {
    "ja_math_7b/japanese": (9.6, 66.1),
    "ja_math_7b/wizard": (18.4, 60.1),
    "ja_math_7b/abel": (30.0, 56.5),
    "ja_math_7b/arithmo2": (24.0, 56.4),
    "ja_math_7b/evollm_jp_v1_7b": (52.0, 70.5),
    "ja_math_7b/evollm_jp_a_v1_7b": (52.4, 69.0),
    "ja_math_10b/evollm_jp_v1_10b": (55.6, 55.2, 66.2),
    "ja_math_10b_dfs/dfs": (36.4, 53.2),
    "ja_math_7b/ties_0.5": (4.4, 63.7),
    "ja_math_7b/dare_ties_0.5": (35.2, 66.3),
    "ja_math_10b_dfs/stacked_abel_japanese": (0.0, 16.1),
    "ja_math_7b/lora_wizard": (43.2, 55.9),
}
VLMS = {
    "ja_vlm_7b/vlm": (14.32, 41.10),
    "ja_vlm_7b/japanese_stable_vlm": (40.50,),
    "ja_vlm_7b/heron_blip_v1": (14.51, 33.26),
    "ja_vlm_7b/evovlm_jp_v1_7b": (19.70, 51.25),
    "ja_vlm_7b/dfs": (16.8, 46.5),
    "ja_vlm_7b/ps_dfs": (20.4, 47.6),
    "ja_vlm_7b/ties_0.2": (16.0, 46.5),
    "ja_vlm_7b/dare_ties_0.5": (9.4, 36.0),
    "ja_vlm_7b/passthrough": (7.3, 26.7),
}


def figure(value: float, **more: object) -> Figure:
    return Figure("e.acc", value, "SR", "as published", **more)  # type: ignore[arg-type]


def solved(right: int, n: int) -> Score:
    return Score.mean([1.0] * right + [0.0] * (n - right))


def test_every_row_of_the_tables_is_there() -> None:
    found = {
        f"{folder.name}/{name}": row
        for folder in BASELINES.iterdir()
        for name, row in published.rows(folder).items()
    }
    tables = {**MATHS, **VLMS}
    assert found.keys() == tables.keys()
    for name, values in tables.items():
        told = [100 * each.value for each in found[name].figures]
        assert told == pytest.approx(values, abs=1e-9), name
        sources = {each.source.partition(":")[0] for each in found[name].figures}
        assert sources <= {"SR", "P"}
    comparable = {
        name for name, row in found.items() if any(f.why_not is None for f in row.figures)
    }
    assert comparable == {
        *(f"ja_math_7b/{name}" for name in ("japanese", "wizard", "abel", "arithmo2")),
        *(f"ja_math_7b/evollm_jp_{name}" for name in ("v1_7b", "a_v1_7b")),
        "ja_math_10b/evollm_jp_v1_10b",
        "ja_vlm_7b/vlm",
        "ja_vlm_7b/evovlm_jp_v1_7b",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scores_beside_a_merge_change_neither_our_recipe_nor_mergekits(path: Path) -> None:
    data = yaml.safe_load(path.read_text())
    plain = {key: value for key, value in data.items() if key != "published"}
    if not plain:
        return
    assert mergekit.read(path, layers=32) == mergekit.read(yaml.safe_dump(plain), layers=32)
    # Words of ours beyond mergekit's are plain values there.
    assert MergeConfiguration.model_validate(data) == MergeConfiguration.model_validate(plain)


def test_verdicts_by_hand() -> None:
    half = solved(130, 250)  # 0.52, standard error √(0.52 · 0.48 / 249) = 0.031661
    same = compare(figure(0.52), half)
    assert (same.words, same.difference, same.sigmas) == ("reproduced", 0.0, 0.0)
    assert same.stderr == pytest.approx(0.031661, abs=1e-6)
    near = compare(figure(0.46), half)  # 0.06 / 0.031661 = 1.8951
    assert near.words == "reproduced" and near.sigmas == pytest.approx(1.8951, abs=1e-4)
    far = compare(figure(0.60), half)  # -0.08 / 0.031661 = -2.5268
    assert far.words == "off by -2.5 σ" and far.sigmas == pytest.approx(-2.5268, abs=1e-4)
    assert compare(figure(0.60, sigma=3), half).words == "reproduced"
    assert compare(figure(0.46, sigma=1), half).words == "off by +1.9 σ"


def test_a_model_that_solves_nothing_has_a_standard_error_all_the_same() -> None:
    nothing = solved(0, 250)
    assert nothing.stderr == 0
    found = compare(figure(0.30), nothing)  # √(0.3 · 0.7 / 250) = 0.028983
    assert found.stderr == pytest.approx(0.028983, abs=1e-6)
    assert found.words == "off by -10.4 σ"  # -0.3 / 0.028983 = -10.351
    assert compare(figure(0.0), nothing).words == "reproduced"
    assert compare(figure(0.0), solved(250, 250)).words == "off by +250.0 σ"  # one item: 0.004


def test_what_cannot_be_compared_is_never_reproduced() -> None:
    half = solved(130, 250)
    told = compare(figure(0.52, why_not="settings not published"), half)
    assert told.words == "not comparable: settings not published" and told.sigmas == 0.0
    assert compare(figure(0.52), half, subset=250).words == "subset of 250: +0.0 σ"
    both = compare(figure(0.52, why_not="why"), half, subset=9)
    assert both.words == "subset of 9; not comparable: why"
    fewer = compare(figure(0.52, items=251), half)
    assert fewer.words == "not comparable: 250 items here, 251 published"
    assert compare(figure(0.52), None, not_run="gated").words == "not run: gated"
    assert compare(figure(0.52, why_not="why"), None).words == "not comparable: why"
    assert compare(figure(0.52), None, not_run="gated").sigmas is None


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0.5, 4),
)
def test_reproduced_means_within_the_tolerance(
    outcomes: list[float], value: float, sigma: float
) -> None:
    score = Score.mean(outcomes)
    found = compare(figure(value, sigma=sigma), score)
    assert found.stderr is not None and found.stderr > 0 and math.isfinite(found.stderr)
    within = abs(score.value - value) <= sigma * found.stderr * (1 + 1e-12)
    assert (found.words == "reproduced") <= within
    assert found.words == "reproduced" or found.words.startswith("off by ")


GOOD = {"metric": "e.acc", "value": 0.5, "source": "SR", "protocol": "p"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({**GOOD, "value": "half"}, "value 'half' must be a number"),
        ({**GOOD, "value": math.nan}, "value nan must be a number"),
        ({**GOOD, "sigma": 0}, "sigma 0 must be positive"),
        ({**GOOD, "items": 2.5}, "items 2.5 must be a whole number"),
        ({**GOOD, "comparable": False}, "comparable must be true or the reason why not"),
        ({**GOOD, "source": ""}, "source must be a text"),
        ({**GOOD, "note": 1}, "unknown key 'note'; allowed are metric, value"),
        ("0.5", "must be a mapping with metric"),
    ],
)
def test_a_figure_that_is_not_understood_is_named(tmp_path: Path, entry: object, said: str) -> None:
    (tmp_path / "published").mkdir()
    merge = {"merge_method": "linear", "models": [{"model": "a", "parameters": {"weight": 1}}]}
    (tmp_path / "row.yaml").write_text(yaml.safe_dump({**merge, "published": [entry]}))
    with pytest.raises(BadInput, match=r"row\.yaml, published 1") as refused:
        published.rows(tmp_path)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"published": []}, "must be a list of figures that is not empty"),
        ({"published": [GOOD]}, "no model, hence each figure must say why"),
        (
            {"merge_method": "linear", "models": [{"model": "a"}, {"model": "b"}], "published": [GOOD]},
            "must be one linear input of weight 1",
        ),
        (
            {
                "merge_method": "linear",
                "models": [{"model": "a", "parameters": {"weight": 2}}],
                "published": [GOOD],
            },
            "must be one linear input of weight 1",
        ),
    ],
)  # fmt: skip
def test_a_model_of_its_own_is_one_model_unchanged(
    tmp_path: Path, data: dict[str, object], said: str
) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published/row.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(BadInput) as refused:
        published.rows(tmp_path)
    assert said in str(refused.value) and "row.yaml" in str(refused.value)


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    entry = {"published": [{**GOOD, "comparable": "why"}]}
    for folder in (tmp_path, tmp_path / "published"):
        (folder / "row.yaml").write_text(yaml.safe_dump(entry))
    with pytest.raises(BadInput, match="there is a published row 'row' already"):
        published.rows(tmp_path)
