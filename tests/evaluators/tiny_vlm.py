"""Tiny vision-language models of the three architectures, random weights, real processors."""

from __future__ import annotations

import io
import random
from typing import Any

import torch
from PIL import Image

from suite.evaluators.datasets.pictures import Picture
from zoo import tokenizer as zoo_tokenizer

ARCHITECTURES = ("llava", "llava_next", "qwen2_vl")
PLACEHOLDER = dict.fromkeys(ARCHITECTURES, "<image>") | {"qwen2_vl": "<|image_pad|>"}
_TEXT = {
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.35,  # or every picture would get the same reply
}
_CLIP = {
    "model_type": "clip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
    "projection_dim": 8,
    "initializer_range": 0.3,
}
_GRIDS = [[32, 64], [64, 32], [64, 64]]


def tokenizer(architecture: str) -> Any:
    made = zoo_tokenizer.build(
        ["What colour is the circle ?", "まる は 何色 です か 。", "red 赤い"]
    )
    made.add_special_tokens({"additional_special_tokens": [PLACEHOLDER[architecture]]})
    return made


def make(architecture: str, seed: int = 0) -> tuple[Any, Any]:
    """(model, processor); the processor is transformers' own, as an ordinary user would call it."""
    words = tokenizer(architecture)
    image_id = words.convert_tokens_to_ids(PLACEHOLDER[architecture])
    torch.manual_seed(seed)
    model = _model(architecture, len(words), image_id).eval()
    with torch.no_grad():
        model.lm_head.weight[words.eos_token_id] *= 1.5  # some replies end by themselves
    return model, _processor(architecture, words)


def _model(architecture: str, words: int, image_id: int) -> Any:
    import transformers

    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}
    if architecture == "qwen2_vl":
        text = {**_TEXT, "vocab_size": words, "num_attention_heads": 2, **ends}
        text["rope_parameters"] = {"rope_type": "default", "mrope_section": [2, 2, 2]}
        vision = {
            "depth": 2,
            "embed_dim": 16,
            "num_heads": 2,
            "mlp_ratio": 2,
            "hidden_size": _TEXT["hidden_size"],
            "patch_size": 4,
            "spatial_merge_size": 2,
            "initializer_range": 0.3,
        }
        config: Any = transformers.Qwen2VLConfig(
            text_config=text, vision_config=vision, image_token_id=image_id, **ends
        )
        return transformers.Qwen2VLForConditionalGeneration(config)
    text = {"model_type": "mistral", "vocab_size": words, "head_dim": 12, **_TEXT, **ends}
    options: dict[str, Any] = {
        "text_config": text,
        "vision_config": _CLIP,
        "image_token_id": image_id,
        **ends,
    }
    if architecture == "llava":
        return transformers.LlavaForConditionalGeneration(transformers.LlavaConfig(**options))
    config = transformers.LlavaNextConfig(image_grid_pinpoints=_GRIDS, **options)
    return transformers.LlavaNextForConditionalGeneration(config)


def _processor(architecture: str, words: Any) -> Any:
    import transformers

    if architecture == "qwen2_vl":
        # Without torchvision there are no processors of videos, so that its __init__ fails.
        made = object.__new__(transformers.Qwen2VLProcessor)
        made.tokenizer, made.chat_template = words, None
        made.image_processor = transformers.Qwen2VLImageProcessorPil(
            min_pixels=16 * 16, max_pixels=40 * 40, patch_size=4, merge_size=2
        )
        made.image_token, made.video_token = PLACEHOLDER[architecture], "<|video_pad|>"
        made.image_token_id = words.convert_tokens_to_ids(made.image_token)
        made.video_token_id = -1
        return made
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    options: dict[str, Any] = {
        "tokenizer": words,
        "patch_size": 8,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
    }
    if architecture == "llava":
        eyes: Any = transformers.CLIPImageProcessorPil(**sizes)
        return transformers.LlavaProcessor(image_processor=eyes, **options)
    eyes = transformers.LlavaNextImageProcessorPil(image_grid_pinpoints=_GRIDS, **sizes)
    return transformers.LlavaNextProcessor(image_processor=eyes, **options)


def pictures(count: int, seed: int = 0) -> list[Picture]:
    """Blocks of random colours, of different sizes and shapes."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        small = Image.new("RGB", (3, 2))
        small.putdata([tuple(rng.randrange(256) for _ in range(3)) for _ in range(6)])
        size = rng.choice([(32, 32), (40, 24), (24, 48), (60, 31)])
        buffer = io.BytesIO()
        small.resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
        found.append(Picture(buffer.getvalue()))
    return found


class Spelt:
    """A tokenizer that decodes ids to their numbers, so that equal text means equal ids."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.inner(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)

    def batch_decode(self, rows: list[list[int]], **_: Any) -> list[str]:
        return [" ".join(map(str, row)) for row in rows]
