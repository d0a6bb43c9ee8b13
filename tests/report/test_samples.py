"""Samples: only small PNG and JPEG files pass as pictures, and labels are those the scores tell."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pictured
import pytest

from suite.records.picture_names import picture_name
from suite.records.trial import Score
from suite.report.load import samples
from suite.report.load.results import Sample
from tests.nonempty import some

PNG, JPEG = pictured.uri("ja_vqa", 0), pictured.uri("in_the_wild", 0)


def encoded(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize("uri", [PNG, JPEG])
def test_png_and_jpeg_files_are_pictures(uri: str) -> None:
    assert samples.Pictures().read(uri) == uri
    data = samples.picture_bytes(uri)
    assert data is not None
    assert uri.endswith(base64.b64encode(data).decode())


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "picture.png",
        "https://example.org/a.png",
        "javascript:alert(1)",
        "data:text/html;base64,PGI+",
        encoded(b"<svg onload='alert(1)'/>", "image/svg+xml"),
        encoded(b"<svg onload='alert(1)'/>"),
        PNG.replace("image/png", "image/jpeg"),
        PNG.replace("image/png", "image/PNG"),
        PNG + '" onerror="alert(1)',
        PNG + "\n",
        PNG[:60] + " " + PNG[60:],
        PNG[:60] + "=",
        encoded(samples.OPENINGS["png"] + bytes(samples.LARGEST)),
        picture_name(PNG),
    ],
)
def test_nothing_else_is_a_picture(value: object) -> None:
    assert samples.Pictures().read(value) is None


def test_a_digest_stands_for_the_picture_that_came_before() -> None:
    pictures = samples.Pictures()
    assert pictures.read(picture_name(PNG)) is None
    assert pictures.read(PNG) == pictures.read(picture_name(PNG)) == PNG
    assert pictures.read(picture_name(JPEG)) is None


def row(k: int, outcome: float, **more: Any) -> dict[str, Any]:
    return {"prompt": f"q{k}", "reply": "r", "expected": "e", "outcome": outcome, **more}


SCORES = {
    "maths.acc": Score.mean([1, 1, 0, 1]),
    "maths.ja": Score.mean([1, 0, 1, 1]),
    "maths.tokens": Score(9.0, 0.1, 4),
    "cost.hops": Score(6.0, 0.0, 1),
    "general.em": Score.mean([0, 1]),
}


def read(*rows: dict[str, Any]) -> tuple[Sample, ...]:
    return samples.read(rows, SCORES, samples.Pictures())


def test_the_scores_tell_whose_a_sample_is_and_what_it_scored() -> None:
    # the first three of four maths items, and both general ones: there are no more
    found = read(*(row(k, outcome) for k, outcome in enumerate([1, 0, 0, 0, 1])))
    assert [sample.evaluator for sample in found] == ["maths"] * 3 + ["general"] * 2
    assert [dict(sample.figures) for sample in found] == [
        {"acc": 1, "ja": 1}, {"acc": 1, "ja": 0}, {"acc": 0, "ja": 1}, {"em": 0}, {"em": 1},
    ]  # fmt: skip


@pytest.mark.parametrize("outcomes", [[1, 0, 0, 0, 0], [1, 0, 0], [1, 0, 0, 1, 0, 1, 1]])
def test_nothing_is_claimed_where_outcomes_or_numbers_disagree(outcomes: list[float]) -> None:
    for sample in some(read(*(row(k, outcome) for k, outcome in enumerate(outcomes)))):
        assert (sample.evaluator, sample.figures) == ("", ())


def test_what_a_sample_says_itself_holds() -> None:
    told = row(9, 0.5, evaluator="general", outcomes={"rougeL": 0.5}, picture=PNG)
    *rest, last = read(row(0, 1), row(1, 0), told)
    assert [sample.evaluator for sample in rest] == ["maths", "maths"]
    assert last == Sample("q9", "r", "e", 0.5, "general", (("rougeL", 0.5),), PNG)
    (unpictured,) = read({**told, "picture": "data:image/gif;base64,R0lGODlh"})
    assert unpictured == replace(last, picture=None)


@pytest.mark.parametrize("damage", [{"outcomes": 7}, {"outcomes": {"em": "high"}}, {"outcome": []}])
def test_damage_is_not_read(damage: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        read(row(0, 1.0, evaluator="maths") | damage)
