"""What a CLIP tower and its projector bring into a VLM before any picture question is learnt.

CLIP learns its features from captions (Radford et al. 2021, arXiv 2103.00020). The micro tower is
taught their names directly, by one linear head each, which are thrown away; then the projector is
taught to say a picture's caption in the language tower's own word embeddings, which is what its
alignment to a frozen language model is for (Liu et al. 2023, arXiv 2304.08485).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from zoo import pictures, scenes, train
from zoo.scenes import Scene

_CLASSES = {
    "colour": len(scenes.COLOURS),
    "ground": len(scenes.COLOURS),
    "shape": len(scenes.SHAPES),
    "size": len(scenes.SIZES),
    "count": len(scenes.COUNTS) + 1,
}
Loss = Callable[[torch.Tensor, list[Scene]], torch.Tensor]  # of pixels and what they show
Report = Callable[[int, float], None]


def teach_features(vlm: Any, processor: Any, **options: Any) -> None:
    """Train `vlm`'s vision tower in place to name the five features of plain pictures.

    The heads read the mean of the patch features that the projector will see. `options` are those
    of `_train`.
    """
    torch.manual_seed(0)
    tower, layer = vlm.model.vision_tower, vlm.config.vision_feature_layer
    width = vlm.config.vision_config.hidden_size
    heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in _CLASSES.items()})

    def loss(pixels: torch.Tensor, drawn: list[Scene]) -> torch.Tensor:
        patches = tower(pixels, output_hidden_states=True).hidden_states[layer][:, 1:]
        return _named(heads, patches.mean(dim=1), drawn)

    _train([*tower.parameters(), *heads.parameters()], processor, loss, **options)


def teach_words(vlm: Any, processor: Any, **options: Any) -> None:
    """Train vision tower and projector in place to give the embeddings of the English caption.

    The image token i stands for the caption's token i, those beyond its end for its last one. The
    loss is the squared distance in units of the embeddings' variance. `options` are `_train`'s.
    """
    embeddings = vlm.get_input_embeddings().weight.detach()
    scale = float(embeddings.var())
    places = (pictures.SIDE // vlm.config.vision_config.patch_size) ** 2

    def loss(pixels: torch.Tensor, drawn: list[Scene]) -> torch.Tensor:
        said = [scenes.describe(scene, "en") for scene in drawn]
        ids = processor.tokenizer(said, add_special_tokens=False).input_ids
        wanted = torch.tensor([row + row[-1:] * (places - len(row)) for row in ids])
        features = torch.stack(list(vlm.get_image_features(pixels).pooler_output))
        return nn.functional.mse_loss(features, embeddings[wanted]) / scale

    eyes = [*vlm.model.vision_tower.parameters(), *vlm.model.multi_modal_projector.parameters()]
    _train(eyes, processor, loss, **options)


def _train(
    trained: list[nn.Parameter],
    processor: Any,
    loss_of: Loss,
    *,
    steps: int,
    lr: float,
    seed: str,
    batch: int = 64,
    report: Report = lambda step, loss: None,
) -> None:
    """`train.descend` over batches of plain pictures."""
    rng = random.Random(seed)

    def loss() -> torch.Tensor:
        drawn = [scenes.draw(rng) for _ in range(batch)]
        seen = [pictures.draw(scene, rng) for scene in drawn]
        pixels = processor.image_processor(images=seen, return_tensors="pt").pixel_values
        return loss_of(pixels, drawn)

    train.descend(trained, loss, steps=steps, lr=lr, report=report)


def _named(heads: nn.ModuleDict, features: torch.Tensor, drawn: list[Scene]) -> torch.Tensor:
    """The mean cross entropy of the features' names."""
    losses = [
        nn.functional.cross_entropy(
            heads[field.name](features),
            torch.tensor([getattr(scene, field.name) for scene in drawn]),
        )
        for field in fields(Scene)
    ]
    return torch.stack(losses).mean()
