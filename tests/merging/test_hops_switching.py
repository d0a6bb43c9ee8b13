"""A live model that goes from path to path and merge to merge: what it holds, shares and merges again."""

from __future__ import annotations

import pytest
import torch

from suite.merging import MergeFailure, Merger, PathMerger, Sources
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Input, Recipe
from tests.merging.paths import (
    LAYERS,
    REPEATED,
    SCALED,
    SOUP,
    TRIMMED,
    by_hand,
    family_of,
    logits,
    make,
    path,
)


def test_weights_are_shared_and_held_once() -> None:
    models = family_of("llama")
    sources = Sources.from_tensors(models)
    live = make("llama")
    PathMerger(sources, live, "eager").merge(path(SCALED))
    places = {
        hop: {p.data_ptr() for p in live.model.layers[place].parameters()}
        for place, hop in enumerate(REPEATED)
    }
    for place, hop in enumerate(REPEATED):
        assert {p.data_ptr() for p in live.model.layers[place].parameters()} == places[hop]
    assert len(set().union(*places.values())) == 9 * len(set(REPEATED))
    plain = make("llama")
    layer = sum(p.numel() for p in plain.model.layers[0].parameters())
    outside = sum(p.numel() for p in plain.parameters()) - LAYERS * layer
    assert sum(p.numel() for p in live.parameters()) == outside + layer * len(set(REPEATED))
    flat = sources.flat("b")
    first, size = flat.data_ptr(), flat.nbytes
    assert all(first <= place < first + size for place in places["b", 2])  # not even a copy


def test_a_narrower_model_holds_its_own_layers_of_a_source() -> None:
    models = family_of("llama")
    sources = Sources.from_tensors(models)
    before = sources.flat("b").clone()
    live = make("llama").to(torch.bfloat16)
    merger = PathMerger(sources, live, "eager")
    merger.merge(path([("a", 0), ("b", 1)]))
    layer = live.model.layers[1]
    wanted = models["b"]["model.layers.1.mlp.up_proj.weight"].to(torch.bfloat16)
    assert torch.equal(layer.mlp.up_proj.weight, wanted)
    held = layer.mlp.up_proj.weight.data_ptr()
    merger.merge(path([("b", 1), ("b", 1)]))
    assert live.model.layers[0].mlp.up_proj.weight.data_ptr() == held  # read once
    assert torch.equal(sources.flat("b"), before)


@pytest.mark.parametrize("tied", [False, True])
def test_switching_leaves_no_trace(tied: bool) -> None:
    models = family_of("qwen2", tied)
    live = make("qwen2", tied=tied)
    merger = PathMerger(Sources.from_tensors(models), live, "eager")
    steps: list[Recipe | LayerPath] = [
        path(SCALED),
        SOUP,
        path(REPEATED, "mix", mix=TRIMMED),
        path([("x", 0), ("b", 1), ("y", 0)], "b", x=SOUP, y=TRIMMED),
        path(SCALED),
        TRIMMED,
        path([("x", 0), ("b", 1), ("y", 0)], "b", x=TRIMMED, y=SOUP),
        path(REPEATED, "mix", mix=TRIMMED),
        SOUP,
    ]
    for step in steps:
        merger.merge(step)
        fresh = make("qwen2", tied=tied)
        PathMerger(Sources.from_tensors(models), fresh, "eager").merge(step)
        assert torch.equal(logits(live), logits(fresh)), step.title
        assert live.config.num_hidden_layers == len(live.model.layers)
        assert len(live.config.layer_types) == len(live.model.layers)
    plain = make("qwen2", tied=tied)
    Merger(Sources.from_tensors(models), plain, "eager").merge(SOUP)
    assert torch.equal(logits(live), logits(plain))
    assert live.config.to_dict() == plain.config.to_dict()
    assert live.state_dict().keys() == plain.state_dict().keys()
    assert [layer.self_attn.layer_idx for layer in live.model.layers] == list(range(LAYERS))
    assert not any(module._forward_pre_hooks for module in live.modules())
    if tied:
        assert live.lm_head.weight is live.model.embed_tokens.weight


def test_what_is_there_is_not_merged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    models = family_of("llama")
    merger = PathMerger(Sources.from_tensors(models), make("llama"), "eager")
    calls: list[str] = []
    real = Merger.merge

    def counted(self: Merger, recipe: Recipe) -> None:
        calls.append(recipe.title)
        real(self, recipe)

    monkeypatch.setattr(Merger, "merge", counted)
    merger.merge(path(REPEATED))
    merger.merge(path(SCALED))
    assert calls == ["linear"]  # the frame, once
    merger.merge(path(REPEATED, "mix", mix=SOUP))
    merger.merge(path([("mix", 0), ("other", 1)], "mix", mix=SOUP, other=TRIMMED))
    merger.merge(path([("name", 0), ("other", 2)], "name", name=SOUP, other=TRIMMED))
    assert calls[1:] == ["task_arithmetic", "dare_ties"]
    merger.merge(path([("a", 0), ("b", 2)], "other", other=TRIMMED))
    merger.merge(path([("a", 0), ("twin", 2)], "other", other=TRIMMED, twin=TRIMMED))
    assert calls[3:] == ["dare_ties"]


def test_a_failed_merge_is_not_taken_for_done() -> None:
    models = family_of("llama")
    live = make("llama")
    merger = PathMerger(Sources.from_tensors(models), live, "eager")
    beyond = Recipe("linear", (Input("a", {"weight": 3e38}),), None, {"normalize": False})
    for frame in ("a", "mix"):
        broken = path([("a", 0), ("mix", 1)], frame, mix=beyond)
        for _ in range(2):
            with pytest.raises(MergeFailure, match="NaN or infinity"):
                merger.merge(broken)
    merger.merge(path(REPEATED))
    wanted = by_hand("llama", models, path(REPEATED))
    torch.testing.assert_close(logits(live), wanted, rtol=1e-5, atol=1e-5)
