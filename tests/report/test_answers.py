"""Answers side by side and the run card."""

from __future__ import annotations

import json
from pathlib import Path

import pictured
import pytest
import synthetic

from suite.report.load.load import load
from suite.report.load.results import Results, Sample
from suite.report.rows import answers
from suite.report.rows.answers import Question, Reply, Sheet


@pytest.fixture(scope="module")
def results(small: Path) -> Results:
    return load(small, synthetic.TASK)


def test_every_question_has_the_best_merge_first_and_all_parents(results: Results) -> None:
    chosen = [run.first for run in results.runs if run.first]
    best = min(chosen, key=lambda line: line.losses[0])
    sheets = answers.sheets(results)
    assert [sheet.evaluator for sheet in sheets] == ["maths", "general"]
    questions = [question for sheet in sheets for question in sheet.questions]
    assert [q.prompt for q in questions] == [s.prompt for s in best.samples]
    for question, sample in zip(questions, best.samples, strict=True):
        first, tuned, *parents = question.replies
        assert first.model.endswith(best.name)
        assert first.kind == "searched"
        assert first.sample == sample
        assert tuned.kind == "hand-tuned"
        assert {r.model for r in parents} == {
            "base",
            "parent_ja",
            "parent_maths_1",
            "parent_maths_2",
        }
        assert {r.kind for r in parents} == {"single model"}


def test_a_model_without_a_question_is_left_out_of_it(tmp_path: Path) -> None:
    synthetic.write(tmp_path, optimizers=("tpe",), seeds=1, trials=6, items=(20, 20))
    path = tmp_path / synthetic.TASK / "baselines" / "judged.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["name"] == "base":
            line["samples"] = line["samples"][1:]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    sheets = answers.sheets(load(tmp_path, synthetic.TASK))
    there = ["base" in {r.model for r in q.replies} for sheet in sheets for q in sheet.questions]
    assert there == [False] + [True] * 7


def test_the_same_words_about_another_picture_are_another_question(seen: Path) -> None:
    results = load(seen, synthetic.TASK)
    sheets = answers.sheets(results)
    assert [sheet.evaluator for sheet in sheets] == list(pictured.FILES)
    for sheet in sheets:
        assert len({question.prompt for question in sheet.questions}) == 1
        uris = [q.picture.uri for q in sheet.questions if q.picture]
        assert uris == [pictured.uri(sheet.evaluator, k) for k in range(pictured.COUNT)]
        for place, question in enumerate(sheet.questions):
            for reply in question.replies:
                assert reply.sample.picture == uris[place]
            assert len(question.replies) == 6


def sheet(*outcomes: tuple[float, dict[str, float]]) -> Sheet:
    replies = tuple(
        Reply("m", "searched", Sample("q", "r", "e", outcome, "x", tuple(figures.items())))
        for outcome, figures in outcomes
    )
    return Sheet("x", (Question("q", "e", None, replies),))


def test_signs_tell_right_from_wrong_and_figures_are_named_where_they_differ() -> None:
    plain = sheet((1, {"acc": 1, "ja": 1}), (0, {"acc": 1, "ja": 0}), (0, {}))
    replies = plain.questions[0].replies
    assert [reply.verdict for reply in replies] == ["right", "wrong", "wrong"]
    assert [plain.mark(reply) for reply in replies] == ["✓", "✗", "✗"]
    assert [plain.figures(reply) for reply in replies] == [[], ["acc 1", "ja 0"], []]


def test_graded_answers_show_their_outcomes() -> None:
    graded = sheet(
        (1, {"rouge": 1}), (0.25, {"rouge": 0.25}), (0, {"rouge": 0.4, "ja": 0}), (7, {})
    )
    replies = graded.questions[0].replies
    assert [reply.verdict for reply in replies] == ["right", "partly right", "wrong", ""]
    assert [graded.mark(reply) for reply in replies] == ["✓ 1.00", "~ 0.25", "✗ 0.00", "7.00"]
    assert [graded.figures(reply) for reply in replies] == [[], [], ["rouge 0.40", "ja 0.00"], []]


def test_rows_are_the_sheets_answers(seen: Path) -> None:
    results = load(seen, synthetic.TASK)
    rows = answers.answer_rows(results)
    assert len(rows) == 3 * pictured.COUNT * 6
    assert [row.item for row in rows[::6]] == [*range(1, pictured.COUNT + 1)] * 3
    (chosen,) = [
        line for run in results.runs if (line := run.first) and rows[0].model.endswith(line.name)
        and rows[0].model.startswith(f"{run.optimizer}, seed {run.seed},")
    ]  # fmt: skip
    mine = [row for row in rows if row.kind == "searched"]
    assert [row.reply for row in mine] == [sample.reply for sample in chosen.samples]
    assert [row.outcome for row in mine] == [sample.outcome for sample in chosen.samples]
    assert mine[0].figures == tuple(f"{n}={v}" for n, v in chosen.samples[0].figures)


def test_the_card_counts_the_runs_behind_each_value(results: Results) -> None:
    lines = {line.key: line.values for line in answers.run_card(results)}
    assert lines["packages.torch"] == (("2.13.0", 15),)
    assert lines["git.dirty"] == (("False", 15),)
    assert lines["seed"] == tuple((str(seed), 3) for seed in range(5))
