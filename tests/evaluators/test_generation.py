"""The handle and the generating evaluator on the shipped checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets.items import SPLITS, Item, write
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models import handle
from suite.evaluators.models.handle import Decoding, Generation
from tests.evaluators.parrot import Parrot
from tests.nonempty import some

ITEMS = resources.ZOO / "ja_math_micro" / "items"


@pytest.fixture(scope="module")
def live() -> handle.TransformersHandle:
    return handle.load(resources.resolve("zoo:ja_math_micro/math_add"), "cpu")


@pytest.fixture(scope="module")
def evaluator() -> GenerationEvaluator:
    return GenerationEvaluator("en_math", ITEMS / "en_math", "maths", 24)


def test_replies_do_not_depend_on_batches_or_threads(
    live: handle.TransformersHandle, evaluator: GenerationEvaluator
) -> None:
    prompts = [item.prompt + "\n" for item in evaluator.splits["search"][:24]]
    whole = live.generate(prompts, 24)
    small = handle.TransformersHandle(live.model, live.tokenizer, batch_size=5)
    assert small.generate(prompts, 24) == whole
    assert live.generate(prompts[::-1], 24) == whole[::-1]
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))
    try:
        assert live.generate(prompts, 24) == whole
    finally:
        torch.set_num_threads(threads)


def test_replies_equal_one_at_a_time_decoding(
    live: handle.TransformersHandle, evaluator: GenerationEvaluator
) -> None:
    for item in some(evaluator.splits["search"][:4]):
        ids = torch.tensor([live.tokenizer(item.prompt + "\n").input_ids])
        for _ in range(24):  # no cache, no padding: the plain definition of greedy decoding
            with torch.inference_mode():
                following = live.model(ids, use_cache=False).logits[0, -1].argmax()
            ids = torch.cat([ids, following.view(1, 1)], dim=1)
            if following == live.tokenizer.eos_token_id:
                break
        prompt = len(live.tokenizer(item.prompt + "\n").input_ids)
        plain = live.tokenizer.decode(ids[0, prompt:], skip_special_tokens=True)
        assert live.generate([item.prompt + "\n"], 24)[0].text == plain


def test_loglikelihood_is_the_sum_of_token_log_probabilities(
    live: handle.TransformersHandle,
) -> None:
    prompts = ["Ken has 20 pens. How many pens does Ken have now?\n", "カナ山の色は何ですか。\n"]
    replies = ["20", "赤です。"]
    together = live.loglikelihood(prompts, replies)
    for prompt, reply, batched in zip(prompts, replies, together, strict=True):
        head = live.tokenizer(prompt).input_ids
        tail = live.tokenizer(reply, add_special_tokens=False).input_ids
        with torch.inference_mode():
            logits = live.model(torch.tensor([head + tail])).logits[0].log_softmax(-1)
        total = sum(float(logits[len(head) - 1 + i, token]) for i, token in enumerate(tail))
        assert batched == pytest.approx(total, abs=1e-3)


def test_a_maths_expert_solves_its_own_problems(
    live: handle.TransformersHandle, evaluator: GenerationEvaluator
) -> None:
    scores = evaluator.evaluate(live, "search")
    assert scores["acc"].n == 200 and scores["acc"].value > 0.5
    assert 10 < scores["tokens"].value <= 24
    samples = evaluator.samples(live, "search", 3)
    assert [s.outcome["acc"] for s in samples] == list(scores["acc"].items[:3])


@pytest.mark.parametrize(
    ("scorer", "length", "said"), [("nothing", 8, "no scorer"), ("maths", 0, "positive")]
)
def test_impossible_evaluators_are_refused(scorer: str, length: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        GenerationEvaluator("e", ITEMS / "en_math", scorer, length)


def test_items_without_pictures_are_asked_greedily_as_ever(evaluator: GenerationEvaluator) -> None:
    parrot = Parrot()
    samples = evaluator.samples(parrot, "search", 2)  # type: ignore[arg-type]
    items = evaluator.splits["search"][:2]
    assert parrot.asked == [
        {
            "prompts": [item.prompt + "\n" for item in items],
            "length": 24,
            "pictures": None,
            "decoding": Decoding(),
        }
    ]
    assert [sample.picture for sample in samples] == [None, None]


def numbers(tmp_path: Path, expected: str = "1234") -> Path:
    for place, split in enumerate(SPLITS):
        items = [Item(f"{split}{n}", f"何{place}{n}？", expected) for n in range(4)]
        write(tmp_path / f"{split}.jsonl", items)
    return tmp_path


class Sayer(Parrot):
    def generate(self, prompts: Sequence[str], max_new_tokens: int, **how: Any) -> list[Generation]:
        super().generate(prompts, max_new_tokens, **how)
        said = [
            "全部で1234円です。",
            "全部で1,234円です。",
            "It is 1234.",
            "答えは1234円です。\n残り1",
        ]
        return [Generation(text, 3) for text in said]


def test_several_scorers_share_the_generations(tmp_path: Path) -> None:
    both = GenerationEvaluator("e", numbers(tmp_path), ["sakana-v1", "clean-v1"], 9)
    figures = [f"{scorer}.{figure}" for scorer in ("sakana-v1", "clean-v1") for figure in FIGURES]
    assert both.figures == (*figures, "tokens")
    sayer = Sayer()
    scores = both.evaluate(sayer, "report")  # type: ignore[arg-type]
    assert len(sayer.asked) == 1 and tuple(scores) == both.figures
    assert scores["sakana-v1.acc_ja"].items == (1, 0, 0, 0)
    assert scores["clean-v1.acc_ja"].items == (1, 1, 0, 1)
    assert scores["sakana-v1.acc"].items == (1, 0, 1, 0)
    for scorer in ("sakana-v1", "clean-v1"):
        alone = GenerationEvaluator("e", tmp_path, scorer, 9)
        assert alone.figures == (*FIGURES, "tokens")
        for figure, score in alone.evaluate(Sayer(), "report").items():  # type: ignore[arg-type]
            assert score == scores[figure if figure == "tokens" else f"{scorer}.{figure}"]
    (first, *_) = both.samples(Sayer(), "report", 4)  # type: ignore[arg-type]
    assert first.outcome == dict.fromkeys(figures, 1.0)


FIGURES = ("acc", "ja", "acc_ja")


@pytest.mark.parametrize(
    ("scorer", "expected", "said"),
    [
        ([], "1", "must name one or more"),
        (["clean-v1", "clean-v1"], "1", "each once"),
        (["clean-v1", "clean-v2"], "1", "no scorer 'clean-v2'; there are maths"),
        ("clean-v1", "one", "split search: item 'search0': the expected answer 'one'"),
        (["maths", "sakana-v1"], "1/2", "split search: item 'search0'"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    scorer: Any, expected: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=said):
        GenerationEvaluator("e", numbers(tmp_path, expected), scorer, 3)


def test_stops_are_part_of_the_decoding(tmp_path: Path) -> None:
    parrot = Parrot()
    made = GenerationEvaluator("e", numbers(tmp_path), "exact", 9, decoding={"stop": ["Response"]})
    made.evaluate(parrot, "select")  # type: ignore[arg-type]
    assert parrot.asked[0]["decoding"] == Decoding(stop=("Response",))
