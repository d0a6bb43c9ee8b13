"""Layer paths in a live model, against a loop over hidden states written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.merging import PathMerger, Sources
from suite.recipes.layer_path import LayerPath, whole
from suite.recipes.recipe import Input, Recipe
from tests.merging.paths import (
    FAMILIES,
    LAYERS,
    PAD,
    REPEATED,
    ROUND,
    SCALED,
    SHORT,
    SOUP,
    TOKENS,
    TRIMMED,
    by_hand,
    family_of,
    logits,
    make,
    parts_of,
    path,
    weights,
)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("part", ["a", "b"])
def test_a_whole_part_is_that_model_bit_for_bit(name: str, part: str) -> None:
    models = family_of(name)
    plain, live = make(name), make(name)
    plain.load_state_dict(models[part])
    PathMerger(Sources.from_tensors(models), live, "eager").merge(whole(part, LAYERS))
    assert torch.equal(logits(live), logits(plain))
    foreign = path([("b" if part == "a" else "a", layer) for layer in range(LAYERS)], frame=part)
    PathMerger(Sources.from_tensors(models), live, "eager").merge(foreign)
    assert not torch.allclose(logits(live), logits(plain), atol=1e-2)


@pytest.mark.parametrize("order", [REPEATED, SCALED], ids=["plain", "scaled"])
@pytest.mark.parametrize("name", sorted(SHORT))
def test_a_path_is_its_layers_one_after_the_other(name: str, order: Any) -> None:
    models = family_of(name)
    live = make(name)
    PathMerger(Sources.from_tensors(models), live, "eager").merge(path(order))
    wanted = by_hand(name, models, path(order))
    torch.testing.assert_close(logits(live), wanted, rtol=1e-5, atol=1e-5)
    unscaled = by_hand(name, models, path([hop[:2] for hop in order]))
    assert (order is REPEATED) == torch.allclose(logits(live), unscaled, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", FAMILIES)
def test_generation_with_the_cache_is_generation_without(name: str) -> None:
    models = family_of(name)
    live = make(name)
    PathMerger(Sources.from_tensors(models), live, "eager").merge(path(SCALED))
    tokens, mask = TOKENS.clone(), torch.ones_like(TOKENS)
    for row, padding in enumerate((0, 2, 5)):  # on the left
        tokens[row, :padding], mask[row, :padding] = PAD, 0
    settings = {
        "attention_mask": mask,
        "max_new_tokens": 8,
        "do_sample": False,
        "output_logits": True,
        "return_dict_in_generate": True,
        "pad_token_id": PAD,
    }
    cached = live.generate(input_ids=tokens, use_cache=True, **settings)
    plain = live.generate(input_ids=tokens, use_cache=False, **settings)
    assert len(cached.past_key_values.layers) == len(SCALED)
    assert cached.past_key_values.get_seq_length(len(SCALED) - 1) == tokens.shape[1] + 7
    assert torch.equal(cached.sequences, plain.sequences)
    for one, other in zip(cached.logits, plain.logits, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    alone = live.generate(
        input_ids=tokens[2:, 5:], **{**settings, "attention_mask": mask[2:, 5:]}, use_cache=True
    )
    assert torch.equal(alone.sequences[0], cached.sequences[2, 5:])


def test_a_hop_keeps_its_layers_kind_of_attention() -> None:
    models = family_of("qwen2 sliding")
    live = make("qwen2 sliding")
    kinds = list(live.config.layer_types)
    assert kinds == ["full_attention"] * 2 + ["sliding_attention"] * 2
    merger = PathMerger(Sources.from_tensors(models), live, "eager")
    merger.merge(path([("a", 3), ("a", 0), ("b", 2)]))
    assert live.config.layer_types == [kinds[3], kinds[0], kinds[2]]
    assert live.config.num_hidden_layers == len(live.model.layers) == 3
    found = logits(live)
    again = make("qwen2 sliding")
    again.load_state_dict(models["a"])
    layers = again.model.layers
    order = [layers[3], layers[0], layers[2]]
    order[2].load_state_dict(
        {
            n.removeprefix("model.layers.2."): w
            for n, w in models["b"].items()
            if n.startswith("model.layers.2.")
        }
    )
    again.model.layers = torch.nn.ModuleList(order)
    again.config.num_hidden_layers, again.config.layer_types = 3, live.config.layer_types
    assert torch.equal(found, logits(again, use_cache=False))


@pytest.mark.parametrize("recipe", [SOUP, TRIMMED, ROUND], ids=lambda recipe: recipe.title)
@pytest.mark.parametrize("frame", ["a", "mix", "other"])
def test_merges_are_parts_like_models(recipe: Recipe, frame: str) -> None:
    models = family_of("llama")
    live = make("llama")
    merges = {"mix": recipe, "other": Recipe("linear", SOUP.inputs)}
    order = [("mix", 0, 1.0), ("c", 1, 0.9), ("mix", 0, 1.1), ("other", 2, 1.0), ("a", 3, 1.0)]
    mixed = path(order, frame, **merges)
    PathMerger(Sources.from_tensors(models), live, "eager").merge(mixed)
    parts = parts_of(models, merges)
    for place, (part, layer, _) in enumerate(order):  # the very weights of a whole merge
        for name, parameter in live.model.layers[place].named_parameters():
            assert torch.equal(parameter, parts[part][f"model.layers.{layer}.{name}"])
    wanted = by_hand("llama", parts, mixed)
    torch.testing.assert_close(logits(live), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (path([("z", 0)]), "'z' is no source; there are a, b, c"),
        (path([("a", 0)], "z"), "'z' is no source"),
        (path([("a", 0), ("b", LAYERS)]), "hop 1: layer 4 of 'b'; it has layers 0 to 3"),
        (path([("a", 0)] * 10), "10 hops; the depth limit is 9"),
        (path([("m", 0)], m=Recipe("linear", (Input("q", {"weight": 1}),))), "'q' is no source"),
    ],
)
def test_paths_that_cannot_run_are_refused_and_change_nothing(bad: LayerPath, said: str) -> None:
    models = family_of("llama")
    live = make("llama")
    merger = PathMerger(Sources.from_tensors(models), live, "eager", most_hops=9)
    merger.merge(path(SCALED))
    before = logits(live)
    with pytest.raises(BadInput, match=said):
        merger.merge(bad)
    assert torch.equal(logits(live), before)


def test_models_of_different_width_are_refused() -> None:
    models = family_of("llama")
    models["b"] = {n: w[..., : w.shape[-1] - 8] for n, w in models["b"].items()}
    with pytest.raises(BadInput, match=r"models do not fit: tensor .* has shape"):
        Sources.from_tensors(models)


def test_a_model_without_a_list_of_layers_is_refused(tiny: Callable[..., Any]) -> None:
    class Odd(torch.nn.Module):
        pass

    with pytest.raises(BadInput, match="Odd: its decoder has no list of layers"):
        PathMerger(Sources.from_tensors({"a": weights(tiny())}), Odd())


def test_kernels_fill_banks_as_operations_do() -> None:
    from suite.merging import kernel

    if not kernel.compiler():
        pytest.skip("no C++ compiler")
    models = family_of("llama")
    mixed = path([("x", 0), ("y", 1), ("b", 2)], "x", x=TRIMMED, y=SOUP)
    found = {}
    for mode in ("eager", "compiled"):
        live = make("llama")
        PathMerger(Sources.from_tensors(models), live, mode).merge(mixed)  # type: ignore[arg-type]
        found[mode] = logits(live)
    torch.testing.assert_close(found["eager"], found["compiled"], rtol=1e-5, atol=1e-5)
