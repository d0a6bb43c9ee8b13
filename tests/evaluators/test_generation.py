"""The handle and the generating evaluator on the shipped checkpoints."""

from __future__ import annotations

import pytest
import torch

from suite import places
from suite.errors import BadInput
from suite.evaluators import handle
from suite.evaluators.generation import GenerationEvaluator

ITEMS = places.ZOO / "ja_math_micro" / "items"


@pytest.fixture(scope="module")
def live() -> handle.TransformersHandle:
    return handle.load(places.resolve("zoo:ja_math_micro/math_add"), "cpu")


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
    for item in evaluator.splits["search"][:4]:
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
