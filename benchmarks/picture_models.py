"""Vision-language models to time, each with questions about pictures.

`shipped` is the suite's own VLM with its search items; `made` a LLaVA of random weights whose vision tower
has one of the sizes in `TOWERS`, with random pictures.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch

from suite import resources
from suite.evaluators.datasets import items
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models import vision

SHIPPED = ("ja_vlm_micro/vlm", "ja_vlm_micro/items/ja_vqa")
# hidden size, layers, pixels a side, pixels of a patch; CLIP-L/14 at 336 would be (1024, 24, 336, 14)
TOWERS = {
    "micro": (128, 4, 32, 8),
    "modest": (256, 8, 64, 8),
    "large": (512, 12, 112, 14),
}
Asked = tuple[list[str], list[Picture]]


def shipped(count: int) -> tuple[vision.VisionHandle, Asked] | None:
    """The shipped VLM and the first of its search items, where there is one."""
    model, folder = (resources.ZOO / name for name in SHIPPED)
    if not (model.is_dir() and folder.is_dir()):
        return None
    found = items.read_splits(folder)["search"][:count]
    prompts = [f"<image>{item.prompt}\n" for item in found]
    return vision.load(model, "cpu"), (prompts, [item.picture for item in found if item.picture])


def made(tower: str, count: int) -> tuple[vision.VisionHandle, Asked]:
    """A LLaVA with random weights and a vision tower of the named size, and random pictures."""
    import transformers
    from PIL import Image

    hidden, layers, side, patch = TOWERS[tower]
    words = transformers.AutoTokenizer.from_pretrained(resources.resolve("zoo:ja_math_micro/base"))
    words.add_special_tokens({"additional_special_tokens": ["<image>"]})
    text = transformers.AutoConfig.from_pretrained(resources.resolve("zoo:ja_math_micro/base"))
    text.vocab_size = len(words)
    eyes = transformers.CLIPVisionConfig(
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        image_size=side,
        patch_size=patch,
    )
    token: Any = words.convert_tokens_to_ids("<image>")
    torch.manual_seed(0)
    model = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(vision_config=eyes, text_config=text, image_token_index=token)
    )
    processor = transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ),
        tokenizer=words,
        patch_size=patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    rng, pictures = np.random.default_rng(0), []
    for _ in range(count):
        pixels = rng.integers(0, 256, (2 * side, 2 * side, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        pictures.append(Picture(buffer.getvalue()))
    return vision.VisionHandle(model.float(), processor), (
        ["<image>この色は何ですか。\n"] * count,
        pictures,
    )
