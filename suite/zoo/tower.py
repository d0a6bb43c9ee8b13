"""What a CLIP tower brings into a VLM: eyes that tell features apart before any language sees them.

CLIP learns them from captions (Radford et al. 2021, arXiv 2103.00020); the micro tower is taught the
features' names directly, by one linear head each, which are thrown away.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from suite.zoo import pictures, scenes
from suite.zoo.scenes import Scene

_CLASSES = {
    "colour": len(scenes.COLOURS),
    "ground": len(scenes.COLOURS),
    "shape": len(scenes.SHAPES),
    "size": len(scenes.SIZES),
    "count": len(scenes.COUNTS) + 1,
}


def teach(
    vlm: Any,
    processor: Any,
    *,
    steps: int,
    lr: float,
    seed: str,
    batch: int = 64,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train `vlm`'s vision tower in place to name the five features of plain pictures.

    The heads read the mean of the patch features that the projector will see. AdamW, 100 steps of
    warm-up, cosine to a tenth; `report(step, loss)` every 100 steps.
    """
    torch.manual_seed(0)
    tower, layer = vlm.model.vision_tower, vlm.config.vision_feature_layer
    width = vlm.config.vision_config.hidden_size
    heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in _CLASSES.items()})
    trained = [*tower.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    rng, total = random.Random(seed), 0.0
    tower.train()
    for step in range(1, steps + 1):
        for options in optimizer.param_groups:
            fall = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / steps))
            options["lr"] = lr * min(1.0, step / 100) * fall
        drawn = [scenes.draw(rng) for _ in range(batch)]
        seen = [pictures.draw(scene, rng) for scene in drawn]
        pixels = processor.image_processor(images=seen, return_tensors="pt").pixel_values
        patches = tower(pixels, output_hidden_states=True).hidden_states[layer][:, 1:]
        loss = _loss(heads, patches.mean(dim=1), drawn)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        total += loss.item()
        if step % 100 == 0:
            report(step, total / 100)
            total = 0.0
    tower.eval()


def _loss(heads: nn.ModuleDict, features: torch.Tensor, drawn: list[Scene]) -> torch.Tensor:
    """The mean cross entropy of the features' names."""
    losses = [
        nn.functional.cross_entropy(
            heads[field.name](features),
            torch.tensor([getattr(scene, field.name) for scene in drawn]),
        )
        for field in fields(Scene)
    ]
    return torch.stack(losses).mean()
