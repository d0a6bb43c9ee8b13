"""The micro VLM: a CLIP vision tower and a projector before the micro language model (LLaVA).

Liu et al. 2023, arXiv 2304.08485 and 2310.03744 (the two-layer projector). The vocabulary is the
language model's plus the image token, and rows up to the next multiple of 64, as real ones have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import (
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from suite.merging.language_tower import LanguageTower
from zoo.documents import Document
from zoo.pictures import SIDE
from zoo.scene_documents import Sight
from zoo.train import Batch, encode

IMAGE = "<image>"
PATCH = 8  # pixels


def new_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """The real LLaVA processor for 32 by 32 pictures; `IMAGE` is added to `tokenizer`."""
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
    )


def new_vlm(
    base: MistralForCausalLM, processor: LlavaProcessor, vision: Mapping[str, Any], seed: int
) -> LlavaForConditionalGeneration:
    """A VLM whose language tower is `base`; `vision` are keys of `CLIPVisionConfig`."""
    torch.manual_seed(seed)
    rows = -(-len(processor.tokenizer) // 64) * 64
    text = {**base.config.to_dict(), "vocab_size": rows}
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(image_size=SIDE, patch_size=PATCH, **vision),
            text_config=type(base.config)(**text),
            image_token_index=processor.tokenizer.convert_tokens_to_ids(IMAGE),
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
            tie_word_embeddings=False,
        )
    )
    tower = dict(LanguageTower(model).named_parameters())
    with torch.no_grad():
        for name, weights in base.named_parameters():
            tower[name][: len(weights)].copy_(weights)
    for config in (model.config, model.generation_config):
        for token in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(config, token, getattr(base.config, token))
    return model


def encode_sights(
    documents: Sequence[Sight | Document], processor: LlavaProcessor, prompt_weight: float
) -> Batch:
    """A batch of documents, with pictures or without; a picture stands before its first prompt."""
    tokens = IMAGE * (SIDE // PATCH) ** 2
    seen = [document for document in documents if isinstance(document, Sight)]
    texts = [
        (tokens + document.turns[0], *document.turns[1:])
        if isinstance(document, Sight)
        else document
        for document in documents
    ]
    batch = encode(texts, processor.tokenizer, prompt_weight)
    if not seen:
        return batch
    pictures = [document.picture for document in seen]
    pixels = processor.image_processor(images=pictures, return_tensors="pt").pixel_values
    return Batch({**batch.inputs, "pixel_values": pixels}, batch.targets, batch.weight)
