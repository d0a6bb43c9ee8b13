"""lm-eval's own tasks about pictures with a test's data, and tasks without pictures."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from suite.errors import BadInput
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators.vlm_task import made, theirs

pytest.importorskip("lm_eval")

MMMU = """include: LM_EVAL/mmmu/_template_yaml
task: my_mmmu
custom_dataset: !function data.load
generation_kwargs: {do_sample: false, max_gen_toks: 4, until: []}
"""
CHARTQA = """include: LM_EVAL/chartqa/chartqa.yaml
task: my_chartqa
custom_dataset: !function data.load
generation_kwargs: {do_sample: false, max_gen_toks: 6, until: []}
"""
QUESTIONS = """
import datasets
from tests.evaluators import tiny_vlm
def load(**_):
    seen = [picture.image() for picture in tiny_vlm.pictures(13)]
    rows = [
        {
            "question": f"What colour {i}? <image 1> and <image 2>", "question_type": "multiple-choice",
            "options": "['<image 2>', 'b', 'c']", "answer": "ABC"[i % 3],
            "query": f"What colour {i}?", "label": ["7"], "image": seen[i],
            "image_1": seen[i], "image_2": seen[12],
        }
        for i in range(12)
    ]
    return dict.fromkeys(("validation", "test"), datasets.Dataset.from_list(rows))
"""


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """lm-eval's own tasks about pictures, with data of the test's."""
    import lm_eval

    tasks = str(Path(lm_eval.__file__).parent / "tasks")
    (tmp_path / "mmmu.yaml").write_text(MMMU.replace("LM_EVAL", tasks), encoding="utf-8")
    (tmp_path / "chartqa.yaml").write_text(CHARTQA.replace("LM_EVAL", tasks), encoding="utf-8")
    (tmp_path / "data.py").write_text(QUESTIONS, encoding="utf-8")
    return tmp_path


def test_lm_evals_own_tasks_are_scored_alike(known: Path) -> None:
    model, processor = made("llava")
    handle = VisionHandle(model, processor, batch_size=4)
    for task, metrics in (
        ("my_mmmu", ["acc"]),
        ("my_chartqa", ["exact_match", "relaxed_accuracy", "anywhere_accuracy"]),
    ):
        evaluator = LmEvalTask(
            "v", task, {m: m for m in metrics}, splits={"search": {"ids": "0:12"}}, path=known
        )
        scores = evaluator.evaluate(handle, "search")
        random.seed(1234)  # MMMU guesses where it finds no answer
        samples, _ = theirs("llava", evaluator._tasks["search"])
        for metric in metrics:
            assert scores[metric].items == tuple(sample[metric] for sample in samples)
        assert 0 < scores[metrics[-1]].value < 1
        assert samples[0]["arguments"][0][0].count("<image>") == (3 if task == "my_mmmu" else 1)


def test_guesses_are_the_same_for_every_candidate(known: Path) -> None:
    model, processor = made("llava")
    handle = VisionHandle(model, processor)
    evaluator = LmEvalTask("v", "my_mmmu", {"acc": "acc"}, splits={"search": {}}, path=known)
    first = evaluator.evaluate(handle, "search")
    random.seed(7)
    torch.manual_seed(7)
    expected = random.Random(7).random(), torch.rand(1, generator=torch.Generator().manual_seed(7))
    assert evaluator.evaluate(handle, "search") == first
    assert (random.random(), torch.rand(1)) == expected, "the caller's numbers go on"


def test_splits_share_no_picture(known: Path) -> None:
    parts = {"search": {"ids": "0:4"}, "report": {"ids": "4:8"}}
    LmEvalTask("v", "my_chartqa", {"m": "exact_match"}, splits=parts, path=known)
    with pytest.raises(BadInput, match=r"the picture of document 4 of my_mmmu is in search and"):
        LmEvalTask("v", "my_mmmu", {"acc": "acc"}, splits=parts, path=known)


def test_tasks_without_pictures_run_as_well(tmp_path: Path) -> None:
    """A vision-language model answers text alone, chooses and reads as its handle does."""
    model, processor = made("llava")
    handle = VisionHandle(model, processor, batch_size=4)
    rows = [{"q": f"red {i} red" * (1 + i % 3), "c": ["red", "12", "赤い"]} for i in range(6)]
    (tmp_path / "data.py").write_text(
        f"import datasets\nROWS = {rows!r}\n"
        "def load(**_):\n    return {'test': datasets.Dataset.from_list(ROWS)}\n"
        "def length(doc, replies):\n    return {'m': float(len(replies[0]))}\n"
        "def total(doc, found):\n    return {'m': found[0]}\n"
        "def best(doc, found):\n    return {'m': max(range(3), key=lambda i: found[i][0])}\n",
        encoding="utf-8",
    )
    kinds = {
        "generate_until": "process_results: !function data.length\n"
        "generation_kwargs: {do_sample: false, max_gen_toks: 6, until: []}",
        "multiple_choice": 'process_results: !function data.best\ntarget_delimiter: ""',
        "loglikelihood_rolling": "process_results: !function data.total",
    }
    found = {}
    for kind, more in kinds.items():
        (tmp_path / f"{kind}.yaml").write_text(
            f"task: my_{kind}\ncustom_dataset: !function data.load\ntest_split: test\n"
            f'output_type: {kind}\ndoc_to_text: "{{{{q}}}}"\ndoc_to_choice: c\n'
            f"doc_to_target: {'q' if kind == 'loglikelihood_rolling' else 0}\n{more}\n"
            "metric_list: [{metric: m, aggregation: mean, higher_is_better: true}]\n",
            encoding="utf-8",
        )
        evaluator = LmEvalTask("t", f"my_{kind}", {"m": "m"}, splits={"s": {}}, path=tmp_path)
        found[kind] = evaluator.evaluate(handle, "s")["m"].items
    asked = [row["q"] for row in rows]
    lengths = tuple(float(len(reply.text)) for reply in handle.generate(asked, 6))
    assert found["generate_until"] == lengths
    choices = [handle.loglikelihood([q] * 3, ["red", "12", "赤い"]) for q in asked]
    assert found["multiple_choice"] == tuple(float(row.index(max(row))) for row in choices)
    start = handle.tokenizer.bos_token
    for total, row in zip(found["loglikelihood_rolling"], handle.encode(asked), strict=True):
        given = torch.tensor([[handle.tokenizer.convert_tokens_to_ids(start), *row]])
        with torch.inference_mode():
            logits = model(input_ids=given).logits[0].log_softmax(-1)
        assert total == pytest.approx(
            sum(float(logits[i, id]) for i, id in enumerate(row)), abs=1e-3
        )
