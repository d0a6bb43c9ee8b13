"""A layer path as an ordinary model: repeated layers copied, input scales folded into weights.

The model card says of it which layers run, how often, and what became of the scales.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath
from suite.recipes.parameters import layer_of

# What a layer consists of where it reads the stream through norms and writes to it by o_proj and
# down_proj alone: Llama, Mistral, Qwen2, Qwen3.
_PARTS = {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}


def scaled(path: LayerPath) -> bool:
    """Tell whether any hop has a scale to fold.

    Parameters
    ----------
    path : LayerPath

    Returns
    -------
    bool
    """
    return any(hop.scale != 1.0 for hop in path.hops)


def check(path: LayerPath) -> None:
    """Refuse scales that cannot be folded.

    Parameters
    ----------
    path : LayerPath

    Raises
    ------
    BadInput
        Unless every scale is positive and their running products fit float32.
    """
    for place, (hop, factor) in enumerate(zip(path.hops, path.cumulative, strict=True)):
        if not hop.scale > 0:
            raise BadInput(
                f"path: hop {place} ({hop.part!r} layer {hop.layer}): scale {hop.scale:g};"
                " a plain checkpoint needs positive scales"
            )
        if not 1e-30 < factor < 1e30:
            raise BadInput(
                f"path: hop {place}: the scales up to here multiply to {factor:.1e};"
                " a plain checkpoint needs 1e-30 to 1e30"
            )


def parameters(path: LayerPath, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Count the parameters of the plain model.

    Parameters
    ----------
    path : LayerPath
    shapes : mapping of str to tuple of int
        Those of a part's tensors, by name.

    Returns
    -------
    int
    """
    sizes: Counter[int | None] = Counter()
    for name, shape in shapes.items():
        sizes[layer_of(name)] += math.prod(shape)
    return sizes[None] + sum(sizes[hop.layer] for hop in path.hops)


def unroll(model: Any, path: LayerPath) -> float:
    """Make `model`, which runs `path`, an ordinary one of as many layers as hops.

    Every hop becomes a layer with weights of its own. With y = x / c, c = s_1 … s_t, the recursion
    x ← s x, x ← x + f(norm(x)) becomes y ← y + f(norm(y)) / c, and the final norm removes the last
    c; so the weights and biases of o_proj and down_proj are divided by c. Two things remain:
    rounding, and the ε of the norms, which stands beside mean x² in the searched model and beside
    mean y² = mean x² / c² here, and tells where embeddings are small.

    Parameters
    ----------
    model : PreTrainedModel
        As `PathMerger` left it; changed in place.
    path : LayerPath

    Returns
    -------
    float
        Relative difference ‖after − before‖ / ‖before‖ of the logits on a fixed batch from all over the
        vocabulary. Without scales it is 0, bit for bit. On 10-hop paths over the shipped models with
        scales from 0.5 to 1.4 (12 seeds, real prompts): rounding alone (ε = 1e-12) at most 7.4e-7 in
        float32 and 1.7e-2 in bfloat16; with the models' ε = 1e-6 at most 7.2e-4 (median 1.2e-4) and
        1.4e-2. Rare tokens, whose embeddings are small, tell more.

    Raises
    ------
    BadInput
        When a scale is not positive, or an architecture's layers are of another kind.
    """
    check(path)
    decoder = model.get_decoder()
    if scaled(path):
        _check_kind(decoder.layers)
    before = _logits(model)
    plain = [copy.deepcopy(hop) for hop in decoder.layers]
    for layer, factor in zip(plain, path.cumulative, strict=True):
        layer._forward_pre_hooks.clear()
        layer._forward_pre_hooks_with_kwargs.clear()
        if factor != 1.0:
            _divide(layer.self_attn.o_proj, factor)
            _divide(layer.mlp.down_proj, factor)
    decoder.layers = type(decoder.layers)(plain)
    return float((_logits(model) - before).norm() / before.norm())


def _check_kind(layers: Any) -> None:
    for layer in layers:
        parts = {name for name, _ in layer.named_children()}
        writers = hasattr(layer, "mlp") and hasattr(layer.mlp, "down_proj")
        if parts != _PARTS or not writers or hasattr(layer, "residual_multiplier"):
            raise BadInput(
                f"path: scales cannot be folded into a {type(layer).__name__};"
                " only into layers built like Llama's"
            )


def _divide(linear: Any, factor: float) -> None:
    for parameter in linear.parameters():
        parameter.data = (parameter.data.double() / factor).to(parameter.dtype)


def _logits(model: Any) -> Any:
    """Logits of a fixed batch of 4 × 32 tokens, in float32."""
    import torch

    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = torch.arange(4 * 32, device=model.device).view(4, 32) * 7919 % vocabulary
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits.float()


def opening(path: LayerPath) -> str:
    """Describe a path in a clause for the card.

    Parameters
    ----------
    path : LayerPath

    Returns
    -------
    str
    """
    return (
        f"A layer path of {len(path.hops)} layers over {', '.join(path.parts)}"
        f" (embeddings, final norm and head of {path.frame})"
    )


def section(path: LayerPath, folding: float) -> str:
    """Write the card's section on layers: every layer with its origin.

    Parameters
    ----------
    path : LayerPath
    folding : float
        What `unroll` returned.

    Returns
    -------
    str
        Markdown.
    """
    counts = Counter((hop.part, hop.layer) for hop in path.hops)
    repeats = len(path.hops) - len(counts)
    said = f"{len(path.hops)} layers, {len(counts)} of them different; "
    said += f"{repeats} are copies of an earlier one." if repeats else "none is repeated."
    said += "".join(
        f" {name} is itself a `{recipe.title}` merge of {', '.join(recipe.models)}."
        for name, recipe in path.merges.items()
    )
    head = ["layer", "is layer", "of", "which is here"]
    rows = [
        [str(place), str(hop.layer), hop.part, _times(counts[hop.part, hop.layer])]
        for place, hop in enumerate(path.hops)
    ]
    if scaled(path):
        said += "\n\n" + _folded(folding)
        head += ["input scale s", "divided by c"]
        for row, hop, factor in zip(rows, path.hops, path.cumulative, strict=True):
            row += [f"{hop.scale:.6g}", f"{factor:.6g}"]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## Layers\n\n{said}\n\n{table}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _folded(folding: float) -> str:
    return (
        "In the search each layer's input was multiplied by a scale s. Here the weights and biases"
        " of the layer's `o_proj` and `down_proj` are divided by c, the product of the scales so"
        " far, which with norms before every block is the same up to rounding and the norms' ε: on a"
        f" fixed batch the logits differ from the searched model's by {folding:.1e} (relative norm),"
        " before any rounding to another type."
    )
