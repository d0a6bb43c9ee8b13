"""What the model card of a layer path says: which layers run, how often, and what became of scales."""

from __future__ import annotations

from collections import Counter

from suite.export import unrolled
from suite.recipes.layer_path import LayerPath


def opening(path: LayerPath) -> str:
    """The path in a clause."""
    return (
        f"A layer path of {len(path.hops)} layers over {', '.join(path.parts)}"
        f" (embeddings, final norm and head of {path.frame})"
    )


def section(path: LayerPath, folding: float) -> str:
    """Every layer with its origin; `folding` is `unrolled.unroll`'s difference."""
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
    if unrolled.scaled(path):
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
