"""A task about pictures as a user of lm-eval writes it, and lm-eval's own class to run it with."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm

CHAT = (
    "{% for turn in messages %}{{ turn.role }}: {% for part in turn.content %}"
    "{{ TOKEN + '; ' if part.type == 'image' else part.text }}{% endfor %}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
TASK = """task: mine
custom_dataset: !function data.load
test_split: test
output_type: generate_until
doc_to_image: !function data.shown
doc_to_text: !function data.asked
doc_to_target: "{{id}}"
process_results: !function data.marks
generation_kwargs: {do_sample: false, max_gen_toks: 10, until: []}
metric_list:
  - {metric: odd, aggregation: mean, higher_is_better: true}
  - {metric: length, aggregation: mean, higher_is_better: true}
"""
DATA = """
from pathlib import Path
import datasets
HERE = Path(__file__).parent
MANY = [1, 1, 2, 1, 3, 1, 2, 1, 1]
def load(**_):
    files = [[str(HERE / f"{i}_{k}.png") for k in range(MANY[i])] for i in range(len(MANY))]
    rows = [{"id": i, "seen": seen} for i, seen in enumerate(files)]
    features = {"id": datasets.Value("int64"), "seen": datasets.List(datasets.Image())}
    return {"test": datasets.Dataset.from_list(rows, features=datasets.Features(features))}
def shown(doc):
    return doc["seen"]
def one(doc):
    return doc["seen"][:1]
def asked(doc):
    question = "What colour " * (1 + doc["id"] % 4) + "is the circle ?"
    return " and ".join(["<image>"] * len(doc["seen"])) + question
def late(doc):
    return "What colour ? " * 150 + asked(doc)
def first(doc):
    return "<image>" + asked({**doc, "seen": []})
def marks(doc, replies):
    return {"odd": float(sum(map(ord, replies[0])) % 2), "length": float(len(replies[0]))}
"""
METRICS = {"odd": "odd", "length": "length"}


@functools.cache
def made(architecture: str) -> tuple[Any, Any]:
    model, processor = tiny_vlm.make(architecture)
    token = tiny_vlm.PLACEHOLDER[architecture]
    processor.chat_template = CHAT.replace("TOKEN", repr(token))
    return model, processor


def written(where: Path) -> Path:
    """The task, its code and its pictures in `where`, one of the pictures half transparent."""
    found = iter(tiny_vlm.pictures(13))
    for document, count in enumerate([1, 1, 2, 1, 3, 1, 2, 1, 1]):
        for k in range(count):
            image = next(found).image()
            if (document, k) == (1, 0):
                image.putalpha(60)
            image.save(where / f"{document}_{k}.png")
    (where / "data.py").write_text(DATA, encoding="utf-8")
    (where / "mine.yaml").write_text(TASK, encoding="utf-8")
    single = TASK.replace("task: mine", "task: single").replace("data.shown", "data.one")
    (where / "single.yaml").write_text(single.replace("data.asked", "data.first"), encoding="utf-8")
    return where


def variant(folder: Path, tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """A folder with the task `mine`, its text changed."""
    text = TASK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    for file in [*folder.glob("*.png"), folder / "data.py"]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@contextmanager
def replies_of(model: Any) -> Iterator[list[list[list[int]]]]:
    """The ids of the replies, batch by batch."""
    real, seen = model.generate, []

    @functools.wraps(real)
    def spy(*args: Any, **options: Any) -> Any:
        out = real(*args, **options)
        seen.append(out[:, options["input_ids"].shape[1] :].tolist())
        return out

    model.generate = spy
    try:
        yield seen
    finally:
        del model.generate


def theirs(name: str, task: Any, chat: bool = False, **options: Any) -> tuple[Any, Any]:
    """lm-eval's own class on the same model: its logged samples, and the ids of the replies."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.hf_vlms import HFMultimodalLM

    model, processor = made(name)

    class Reference(HFMultimodalLM):
        def _create_tokenizer(self, *_: Any, **__: Any) -> None:
            self.processor = copy.copy(processor)
            self.tokenizer = self.processor.tokenizer

    lm = Reference(pretrained=model, batch_size=4, **options)
    with replies_of(model) as ids:
        result = evaluate(
            lm=lm,
            task_dict={"tasks": {task.config.task: task}, "groups": {}, "group_map": {}},
            bootstrap_iters=0,
            apply_chat_template=chat,
        )
    return result["samples"][task.config.task], ids


def check_equal(name: str, evaluator: LmEvalTask, **options: Any) -> list[str]:
    """Outcomes, replies and ids are those of lm-eval's own class; the replies are returned."""
    model, processor = made(name)
    handle = VisionHandle(model, processor, batch_size=4)
    samples, ids = theirs(name, evaluator._tasks["search"], **options)
    with replies_of(model) as own:
        scores = evaluator.evaluate(handle, "search")
    assert own == ids
    for figure in METRICS:
        assert scores[figure].items == tuple(sample[figure] for sample in samples)
    ours = evaluator.samples(handle, "search", 99)
    found = [sample.reply for sample in ours]
    assert found == [sample["resps"][0][0] for sample in samples]
    assert [sample.prompt for sample in ours] == [sample["arguments"][0][0] for sample in samples]
    assert all(str(sample.picture).startswith("data:image/") for sample in ours)
    return found
