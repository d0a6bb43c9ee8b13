"""Layer paths over random models of several families, and a loop over hidden states to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from suite.merging import Merger, Sources
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Input, Recipe

Weights = dict[str, torch.Tensor]
LAYERS, PAD = 4, 3
SLIDING = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2}
FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "mistral": (MistralForCausalLM, MistralConfig, {"sliding_window": None}),
    "mistral sliding": (MistralForCausalLM, MistralConfig, {"sliding_window": 4}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {}),
    "qwen2 sliding": (Qwen2ForCausalLM, Qwen2Config, SLIDING),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 8}),
}
SHORT = {"llama", "mistral", "qwen2", "qwen3"}  # those whose window hides nothing
TOKENS = torch.randint(4, 60, (3, 9), generator=torch.Generator().manual_seed(9))
SOUP = Recipe("task_arithmetic", (Input("b", {"weight": 0.6}), Input("c", {"weight": -0.3})), "a")
TRIMMED = Recipe(
    "dare_ties", (Input("b", {"weight": 0.7}), Input("c", {"weight": 0.5})), "a", {"density": 0.5}
)
ROUND = Recipe("slerp", (Input("a"), Input("b")), "a", {"t": (0.2, 0.9)})


def make(family: str, seed: int = 0, tied: bool = False) -> Any:
    """A random model with large weights, so that every layer tells."""
    build, config, more = FAMILIES[family]
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "vocab_size": 60,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
        "pad_token_id": PAD,
        "bos_token_id": 1,
        "eos_token_id": None,
        "tie_word_embeddings": tied,
    }
    return build(config(**sizes, **more)).eval().requires_grad_(False)


def weights(model: Any) -> Weights:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def family_of(name: str, tied: bool = False) -> dict[str, Weights]:
    """Three random models of one shape."""
    return {part: weights(make(name, seed, tied)) for seed, part in enumerate("abc")}


def parts_of(models: dict[str, Weights], merges: dict[str, Recipe]) -> dict[str, Weights]:
    """The weights of every part, merges by a `Merger` of their own."""
    found = dict(models)
    for name, recipe in merges.items():
        live = make_like(models)
        Merger(Sources.from_tensors(models), live, "eager").merge(recipe)
        found[name] = weights(live)
    return found


def make_like(models: dict[str, Weights]) -> Any:
    return make("llama", tied="lm_head.weight" not in models["a"])


def logits(model: Any, tokens: torch.Tensor = TOKENS, **more: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=tokens, **more).logits
    return found


def by_hand(name: str, parts: dict[str, Weights], path: LayerPath) -> torch.Tensor:
    """Logits of `path` by running single layers of whole, separate models; no cache, no mask."""
    models = {part: make(name, tied="lm_head.weight" not in w) for part, w in parts.items()}
    for part, model in models.items():
        model.load_state_dict(parts[part], strict=False)
    frame = models[path.frame].model
    hidden = frame.embed_tokens(TOKENS)
    places = torch.arange(TOKENS.shape[1])[None]
    rotary = frame.rotary_emb(hidden, places)
    for hop in path.hops:
        layer = models[hop.part].model.layers[hop.layer]
        hidden = layer(
            hidden * hop.scale,
            attention_mask=None,
            position_ids=places,
            position_embeddings=rotary,
            past_key_values=None,
        )
    found: torch.Tensor = models[path.frame].lm_head(frame.norm(hidden))
    return found


def path(order: Sequence[tuple[Any, ...]], frame: str = "a", **merges: Recipe) -> LayerPath:
    return LayerPath(frame, tuple(Hop(*hop) for hop in order), merges)


REPEATED = [("a", 0), ("a", 1), ("b", 2), ("a", 1), ("b", 2), ("b", 1), ("c", 3), ("a", 3)]
SCALED = [(*hop, 0.5 + 0.15 * t) for t, hop in enumerate(REPEATED)]
