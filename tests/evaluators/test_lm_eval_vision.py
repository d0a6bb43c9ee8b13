"""lm-eval's tasks with pictures on a live model, against lm-eval's own class for such models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.evaluators.lm_eval.vision import Shown
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.models.vision import VisionHandle
from tests.evaluators import tiny_vlm
from tests.evaluators.vlm_task import METRICS, check_equal, made, variant, written

pytest.importorskip("lm_eval")


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(params=tiny_vlm.ARCHITECTURES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tasks"))


@pytest.mark.parametrize("task", ["single", "mine"])
def test_outcomes_are_those_of_lm_evals_own_class(name: str, task: str, folder: Path) -> None:
    evaluator = LmEvalTask("v", task, METRICS, splits={"search": {}}, path=folder)
    found = check_equal(name, evaluator)
    assert len(found) == 9 and len(set(found)) > 4


OPTIONS: dict[str, tuple[list[tuple[str, str]], dict[str, Any]]] = {
    "stops": ([("until: []", 'until: ["6", "です"]')], {}),
    "beams": ([("until: []", "until: [], num_beams: 3, repetition_penalty: 1.3")], {}),
    "max_images": ([], {"max_images": 1}),
    "sizes": ([], {"image_max_side": 20, "convert_img_format": True}),
    "chat": ([], {"chat": True}),
    "not interleaved": ([], {"chat": True, "interleave": False, "max_images": 2}),
    "short": ([("data.asked", "data.late")], {"max_length": 300}),
}


# Not "short" for Qwen2-VL: lm-eval's own class forgets to cut mm_token_type_ids, and fails.
OTHERS = [
    ("llava_next", "beams"),
    ("llava_next", "short"),
    ("qwen2_vl", "beams"),
    ("qwen2_vl", "chat"),
]


@pytest.mark.parametrize(("name", "option"), [*(("llava", option) for option in OPTIONS), *OTHERS])
def test_options_mean_what_they_mean_to_lm_eval(
    name: str, option: str, folder: Path, tmp_path: Path
) -> None:
    changes, options = OPTIONS[option]
    where = variant(folder, tmp_path, *changes)
    usual = LmEvalTask("v", "mine", METRICS, splits={"search": {}}, path=folder)
    mine = {key: value for key, value in options.items() if key not in ("chat", "max_length")}
    evaluator = LmEvalTask(
        "v",
        "mine",
        METRICS,
        splits={"search": {}},
        path=where,
        max_length=options.get("max_length"),
        apply_chat_template=options.get("chat", False),
        model_args=mine,
    )
    found = check_equal(name, evaluator, **options)
    model, processor = made(name)
    plain = usual.samples(VisionHandle(model, processor, batch_size=4), "search", 99)
    assert found != [sample.reply for sample in plain], "the option changes nothing"


@pytest.mark.parametrize("name", ["llava"], indirect=True)
def test_the_tower_runs_once_a_picture_and_new_weights_are_seen(name: str, folder: Path) -> None:
    model, processor = tiny_vlm.make(name)
    handle = VisionHandle(model, processor, batch_size=4)
    evaluator = LmEvalTask("v", "mine", METRICS, splits={"search": {}}, path=folder)
    tower, calls = model.model.vision_tower, []
    hook = tower.register_forward_hook(lambda *_: calls.append(1))
    first = evaluator.evaluate(handle, "search")
    assert len(calls) == 13
    assert evaluator.evaluate(handle, "search") == first
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.model.language_model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert evaluator.evaluate(handle, "search") != first
    assert len(calls) == 13
    hook.remove()


@pytest.mark.parametrize("name", ["llava_next"], indirect=True)
def test_replies_end_where_the_handles_own_do(name: str, folder: Path) -> None:
    model, processor = tiny_vlm.make(name)
    handle = VisionHandle(model, processor, batch_size=4)
    evaluator = LmEvalTask("v", "single", METRICS, splits={"search": {}}, path=folder)
    ends = model.generation_config.eos_token_id
    for given in (None, [ends, processor.tokenizer.convert_tokens_to_ids("r")]):
        model.generation_config.eos_token_id = given
        samples = evaluator.samples(handle, "search", 99)
        shown = [Shown.of(doc["seen"][0]) for doc in evaluator._tasks["search"].eval_docs]
        replies = handle.generate([sample.prompt for sample in samples], 10, shown)
        assert [sample.reply for sample in samples] == [reply.text for reply in replies]
        assert min(reply.tokens for reply in replies) < 10


def test_evaluation_is_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, processor = made("llava")
    evaluator = LmEvalTask("v", "mine", METRICS, splits={"search": {}}, path=folder)
    capfd.readouterr()
    evaluator.evaluate(VisionHandle(model, processor), "search")
    assert capfd.readouterr() == ("", "")


def one_line(error: pytest.ExceptionInfo[BadInput]) -> bool:
    return "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("data.shown", "data.files")], "doc_to_image gives a str; it must give a list"),
        ([("data.shown", "data.bare")], "doc_to_image gives a PngImageFile; it must give a list"),
        ([("data.asked", "data.first")], "1 places for pictures and 2 pictures"),
        ([("max_gen_toks: 10", "max_gen_toks: 290")], "there is room for 10 before the reply"),
        ([("max_gen_toks: 10", "max_gen_toks: 400")], "there is room for 0 before the reply"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    folder: Path, tmp_path: Path, changes: list[tuple[str, str]], said: str
) -> None:
    where = variant(folder, tmp_path, *changes)
    with (where / "data.py").open("a") as file:
        file.write("\ndef files(doc):\n    return ['0_0.png']\n")
        file.write("def bare(doc):\n    return doc['seen'][0]\n")
    model, processor = made("llava")
    with pytest.raises(BadInput, match=said) as error:
        LmEvalTask(
            "v", "mine", METRICS, splits={"search": {}}, path=where, max_length=300
        ).evaluate(VisionHandle(model, processor), "search")
    assert one_line(error)


def test_what_lm_eval_cannot_do_is_refused(folder: Path, tmp_path: Path) -> None:
    from suite.evaluators.models.handle import TransformersHandle

    options: dict[str, Any] = {"metrics": METRICS, "splits": {"search": {}}}
    model, processor = made("llava")
    blind = TransformersHandle(model, processor.tokenizer)
    task = LmEvalTask("v", "mine", path=folder, **options)
    with pytest.raises(
        BadInput, match=r"'v': the lm-eval task mine has pictures .* task\.vlm"
    ) as e:
        task.evaluate(blind, "search")
    assert one_line(e)
    with pytest.raises(BadInput, match="model_args has no 'pretrained'; allowed are max_images"):
        LmEvalTask("v", "mine", path=folder, model_args={"pretrained": "x"}, **options)
    chatty = LmEvalTask("v", "mine", path=folder, apply_chat_template=True, **options)
    silent = tiny_vlm.make("llava")
    with pytest.raises(BadInput, match="no chat template"):
        chatty.evaluate(VisionHandle(*silent), "search")
    choice = ("output_type: generate_until", "output_type: multiple_choice\ndoc_to_choice: [a, b]")
    where = variant(folder, tmp_path, choice, ("generation_kwargs", "metadata"))
    with pytest.raises(
        BadInput, match="is of the type multiple_choice; with pictures lm-eval does"
    ):
        LmEvalTask("v", "mine", path=where, **options)
    where = variant(folder, tmp_path, ("doc_to_image", "doc_to_audio"))
    with pytest.raises(BadInput, match="mine has sounds"):
        LmEvalTask("v", "mine", path=where, **options)


def test_decoded_pictures_are_told_apart_by_what_they_show() -> None:
    image = tiny_vlm.pictures(1)[0].image()
    again, other = image.copy(), image.copy()
    other.putpixel((0, 0), (1, 2, 3))
    palette = image.quantize(4)
    swapped, holes = palette.copy(), palette.copy()
    swapped.putpalette(palette.getpalette()[::-1])
    holes.info["transparency"] = 1
    kinds = [image, other, palette, swapped, holes, image.convert("L"), image.convert("RGBA")]
    digests = [Shown.of(each).digest for each in kinds]
    assert len(set(digests)) == len(kinds)
    assert Shown.of(again).digest == digests[0]
    assert Shown.of(image.convert("CMYK")).uri(16).startswith("data:image/")
