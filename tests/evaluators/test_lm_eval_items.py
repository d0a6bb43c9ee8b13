"""Our items with pictures as lm-eval tasks: the outcomes of our own evaluator."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.evaluators.datasets.items import Item, read, write
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.lm_eval import items as lm_eval_items
from suite.evaluators.lm_eval_task import SHIPPED, LmEvalTask
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm
from zoo import pictures as zoo_pictures
from zoo import scenes

pytest.importorskip("lm_eval")

CONF = Path(__file__).parents[2] / "conf" / "evaluator"
TASKS = {"ja_vqa_micro": "vqa_ja", "ja_wild_micro": "vqa_ja", "en_vqa_micro": "vqa_en"}
FIGURES = {"vqa_ja": ["rouge_l_ja", "rouge_l", "em", "ja"], "vqa_en": ["rouge_l", "em"]}
QUESTIONS = ["まるは何色ですか。", "これは何ですか。", "赤いものはどこですか。"]
TEMPLATE, NEW_TOKENS = "<image>{prompt}\n", 8


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def handle() -> VisionHandle:
    return VisionHandle(*tiny_vlm.make("llava"), batch_size=5)


@pytest.fixture(scope="module")
def folder(handle: VisionHandle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes in three splits; every other item expects what the model answers."""
    where, rng = tmp_path_factory.mktemp("items"), random.Random(3)
    for split, count in (("search", 12), ("select", 3), ("report", 6)):
        items = []
        for index in range(count):
            picture = drawn(scenes.draw(rng), rng, mode="RGBA" if index == 1 else "RGB")
            prompt = rng.choice(QUESTIONS)
            (reply,) = handle.generate([TEMPLATE.format(prompt=prompt)], NEW_TOKENS, [picture])
            expected = "赤いまる" if index % 2 else reply.text
            items.append(Item(f"{split}/{index}", prompt, expected, picture))
        write(where / f"{split}.jsonl", items)
    return where


def drawn(scene: Any, rng: random.Random, mode: str) -> Picture:
    image = zoo_pictures.draw(scene, rng, "wild").convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Picture(buffer.getvalue())


@pytest.mark.parametrize("task", TASKS)
def test_both_ways_agree_item_by_item(handle: VisionHandle, folder: Path, task: str) -> None:
    scorer = TASKS[task]
    ours = GenerationEvaluator("q", folder, scorer, NEW_TOKENS, TEMPLATE)
    theirs = LmEvalTask("q", task, {f: f for f in FIGURES[scorer]}, items=folder)
    for split in ("search", "report"):
        mine, found = ours.evaluate(handle, split), theirs.evaluate(handle, split)
        assert found == {figure: mine[figure] for figure in FIGURES[scorer]}
        assert 0 < found["em"].value < 1
        a, b = ours.samples(handle, split, 3), theirs.samples(handle, split, 3)
        assert [(s.reply, s.expected) for s in a] == [(s.reply, s.expected) for s in b]
        assert [TEMPLATE.format(prompt=s.prompt) for s in a] == [s.prompt for s in b]
        assert all(s.picture for s in b)


@pytest.mark.parametrize("task", TASKS)
def test_shipped_tasks_ask_as_the_suite_does(folder: Path, task: str) -> None:
    own = yaml.safe_load((CONF / f"{task}.yaml").read_text(encoding="utf-8"))
    config = LmEvalTask("q", task, {"em": "em"}, items=folder)._tasks["search"].config
    assert config.generation_kwargs == {
        "do_sample": False,
        "max_gen_toks": own["max_new_tokens"],
        "until": [],
    }
    assert config.doc_to_text == own["template"].replace("{prompt}", "{{prompt}}")
    assert config.dataset_kwargs == {"items": own["items"]}
    assert [entry["metric"] for entry in config.metric_list] == FIGURES[own["scorer"]]


def test_lm_evals_own_command_sees_the_same(
    handle: VisionHandle, folder: Path, tmp_path: Path
) -> None:
    """As ``lm_eval run --model hf-multimodal --model_args pretrained=FOLDER`` does."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.hf_vlms import HFMultimodalLM
    from lm_eval.tasks import TaskManager

    handle.model.save_pretrained(tmp_path)
    handle.processor.save_pretrained(tmp_path)
    manager = TaskManager(include_path=str(SHIPPED), include_defaults=False)
    change = {"task": "ja_vqa_micro", "dataset_kwargs": {"items": str(folder)}}
    tasks = manager.load({"group": "g", "task": [change]})
    lm = HFMultimodalLM(pretrained=str(tmp_path), device="cpu", dtype="float32", batch_size=5)
    samples = evaluate(lm=lm, task_dict=tasks, bootstrap_iters=0)["samples"]["ja_vqa_micro"]
    ours = GenerationEvaluator("q", folder, "vqa_ja", NEW_TOKENS, TEMPLATE)
    scores = ours.evaluate(handle, "report")
    for figure in FIGURES["vqa_ja"]:
        assert scores[figure].items == tuple(sample[figure] for sample in samples)


@pytest.mark.parametrize("scorer", FIGURES)
def test_items_become_a_task_without_a_file(
    handle: VisionHandle, folder: Path, scorer: str
) -> None:
    from lm_eval.evaluator import evaluate

    from suite.evaluators.lm_eval.vision import live_model

    items = read(folder / "search.jsonl")
    task = lm_eval_items.items_task("x", items, scorer, NEW_TOKENS)
    tasks = {"tasks": {"x": task}, "groups": {}, "group_map": {}}
    samples = evaluate(lm=live_model(handle, None, {}), task_dict=tasks, bootstrap_iters=0)
    scores = GenerationEvaluator("q", folder, scorer, NEW_TOKENS, TEMPLATE).evaluate(
        handle, "search"
    )
    for figure in FIGURES[scorer]:
        assert scores[figure].items == tuple(s[figure] for s in samples["samples"]["x"])


def test_documents_hold_the_pictures_files(folder: Path) -> None:
    documents = lm_eval_items.dataset(str(folder))["report"]
    for document, item in zip(documents, read(folder / "report.jsonl"), strict=True):
        assert document["picture"] == item.picture.data
        (image,) = lm_eval_items.pictures(document)
        assert image.mode == "RGB" and image == item.picture.image()
    assert not documents.cache_files, "nothing is written"
    bare = [Item("1", "a", "b"), Item("2", "c", "d", item.picture)]
    mixed = lm_eval_items.data(bare)["custom_dataset"]()["test"]
    assert [len(lm_eval_items.pictures(document)) for document in mixed] == [0, 1]
