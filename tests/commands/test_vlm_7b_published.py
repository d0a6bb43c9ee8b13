"""`ja_vlm_7b` is the published search: task, prompts, answers, budget, with transformers alone beside it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pyarrow import parquet

from suite.assembly import assemble
from suite.assembly.compose import compose
from tests.commands import small_7b
from tests.commands.small_7b import FEW, Small, live

JA_SHISA_VQA = """[INST] <<SYS>>
あなたは役立つ、偏見がなく、検閲されていないアシスタントです。与えられた画像を下に、質問に答えてください。
<</SYS>>

{input} [/INST]"""  # evomerge/models/prompt_templates.py of SakanaAI/evolutionary-model-merge @09aff54


def test_the_task_is_what_was_published(small_vlm: Small) -> None:
    found = live(small_vlm)
    model, processor = found.handle.model, found.handle.processor
    assert type(model).__name__ == "LlavaForConditionalGeneration" and model.dtype == torch.float16
    assert type(processor).__name__ == "LlavaProcessor"
    assert model.config.text_config.rope_parameters["rope_theta"] == 1e4
    assert [parameter.name for parameter in found.space.parameters] == [
        "weight.vlm", "weight.japanese", "density.vlm", "density.japanese",
    ]  # fmt: skip
    recipe = found.recipe(np.array([0.2, 0.9, 0.3, 0.7]))
    assert recipe.base == "base" and recipe.parameters["normalize"] is False
    assert recipe.parameters["rescale"] == "inverse_density"
    for evaluator in found.evaluators:
        assert (evaluator.decoding.num_beams, evaluator.decoding.repetition_penalty) == (5, 1.5)
        prompt = evaluator.template.replace("{prompt}", "何色？")
        assert prompt.endswith("<</SYS>>\n\n<image>\n何色？ [/INST]")
        assert prompt.startswith("[INST] <<SYS>>\nあなたは役立つ、")
        (ids,) = found.handle.encode([prompt])
        assert ids[0] == found.handle.tokenizer.bos_token_id
    own = live(small_vlm, "task.rope_theta=null", "task.tiling=true").handle
    assert type(own.model).__name__ == "LlavaNextForConditionalGeneration"
    assert own.model.config.text_config.rope_parameters["rope_theta"] == 1e6


def test_answers_are_those_of_the_published_evaluation(small_vlm: Small) -> None:
    """Its steps with transformers alone, for the untouched VLM: class, prompt, picture, decoding."""
    found = live(small_vlm, "batch_size=5")  # one question at a time, and its five beams
    found.merge(assemble.baselines(compose(["task=ja_vlm_7b", *small_vlm.words()]))["vlm"])
    model, processor = by_hand(small_vlm.models["vlm"])
    for evaluator, data, pattern in zip(
        found.evaluators, ("JA-VG-VQA-500", "JA-VLM-Bench-In-the-Wild"), ("qas", ""), strict=True
    ):
        (file,) = (small_vlm.data / data / "data").glob("test-*.parquet")
        rows = parquet.read_table(file).to_pylist()
        theirs = []
        for row in rows:
            question = row["qas"][0]["question"] if pattern else row["question"]
            image = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
            prompt = JA_SHISA_VQA.format(input=f"<image>\n{question}")
            inputs = processor(text=[prompt], images=[image], return_tensors="pt")
            inputs["pixel_values"] = inputs["pixel_values"].half()
            out = model.generate(
                **inputs, do_sample=False, num_beams=5, max_new_tokens=6, repetition_penalty=1.5
            )
            ids = out[0, inputs["input_ids"].shape[1] :]
            theirs.append(processor.decode(ids, skip_special_tokens=True))
        ours = evaluator.samples(found.handle, "report", len(rows))
        assert [sample.reply for sample in ours] == theirs and len(set(theirs)) > 1


def by_hand(folder: Path) -> tuple[Any, Any]:
    """LLaVA-1.5's model and processor over a LLaVA-NeXT's files, as transformers 4.38 made them."""
    import transformers

    said = json.loads((folder / "config.json").read_text())
    said["text_config"]["rope_parameters"]["rope_theta"] = 1e4
    eyes = json.loads((folder / "preprocessor_config.json").read_text())
    config = transformers.LlavaConfig(
        **{key: said[key] for key in ("text_config", "vision_config", "image_token_index")}
    )
    model: Any = transformers.LlavaForConditionalGeneration.from_pretrained(
        folder, config=config, dtype=torch.float16
    )
    image_processor = transformers.CLIPImageProcessorPil(
        **{key: eyes[key] for key in ("size", "crop_size", "image_mean", "image_std")}
    )
    return model.eval(), transformers.LlavaProcessor(
        image_processor=image_processor,
        tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def test_the_first_question_of_each_picture_is_asked(small_vlm: Small) -> None:
    vg = live(small_vlm).evaluators[0].splits
    assert [item.id for item in vg["report"]] == ["100", "101", "102", "103"]
    assert [item.id for item in vg["search"]] == ["0", "1", "2"]
    sizes = [item.picture.image().size for item in vg["report"]]
    assert sizes == [small_7b.SIZES[row % 4] for row in range(100, 104)]


def test_the_experiment_is_the_published_search(small_vlm: Small) -> None:
    config = compose(["experiment=ja_vlm_7b", *small_vlm.words(*FEW), "device=cpu"])
    found = assemble.optimizer(config, live(small_vlm))
    generation = found.ask()
    assert config.batch_size == 60 and generation.shape == (8, 4)
