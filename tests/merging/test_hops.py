"""Layer paths in a live model, against a loop over hidden states written down here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
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

from suite.errors import BadInput
from suite.layer_path import Hop, LayerPath, whole
from suite.merging import MergeFailure, Merger, PathMerger, Sources
from suite.recipe import Input, Recipe

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
