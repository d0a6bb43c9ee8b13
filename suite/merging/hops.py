"""Layer paths carried out: the live model's layers replaced by hops that share their weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from suite.errors import BadInput
from suite.merging.layout import Layout, Segment
from suite.merging.merger import MakeRunner, Merger, Mode
from suite.merging.sources import Sources
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Input, Recipe


class PathMerger:
    """Puts merges and layer paths of `sources` into `model`, one after the other, without a trace.

    A merge is `Merger`'s. Of a path, the frame is merged (or copied) into the model's own
    parameters, only when it is not in them already. The layers of another source are views of it
    where it has the model's type and device, else converted once; another merge lives in a bank
    of layers of its own, without embeddings. Hops of one layer share its weights, so that memory
    is that of the distinct layers. A hop has its own slot in the KV cache, its layer's kind of
    attention, and multiplies the residual stream by its scale before its layer; the model's
    configuration says as many layers as there are hops.

    `mode` and `cache` are `Merger`'s; a path of more than `most_hops` hops is `BadInput`, and so is
    a model whose decoder has no list of layers.
    """

    def __init__(
        self,
        sources: Sources,
        model: nn.Module,
        mode: Mode | MakeRunner = "auto",
        cache: Path | None = None,
        most_hops: int | None = None,
    ) -> None:
        self.sources, self.most_hops = sources, most_hops
        self._stack = _Stack(model)
        self._merger, self._held = Merger(sources, model, mode, cache), ""
        self._bank = partial(_Bank, sources, self._stack, mode, cache)
        self._banks: list[_Bank] = []
        self._read: dict[tuple[str, int], nn.Module] = {}

    @torch.no_grad()
    def merge(self, recipe: Recipe | LayerPath) -> None:
        """Put `recipe` into the live model; the same one gives the same bytes.

        `BadInput`, before anything is written, when it names a model that is no source or a layer
        that does not exist; `MergeFailure` when a merge of it is not finite.
        """
        if isinstance(recipe, LayerPath):
            self._check(recipe)
            found = self._layers(recipe)
            hops = [_hop(found(h.part, h.layer), t, h.scale) for t, h in enumerate(recipe.hops)]
            self._stack.put(hops, [hop.layer for hop in recipe.hops])
        else:
            self._stack.restore()
            self._held = ""
            self._merger.merge(recipe)
            self._held = _key(recipe)

    def _check(self, path: LayerPath) -> None:
        for name in path.models:
            self.sources.flat(name)
        count = len(self._stack.plain)
        known = dict.fromkeys([*path.merges, *self.sources.names], count)
        path.check_layers(known, self.most_hops)

    def _layers(self, path: LayerPath) -> Callable[[str, int], nn.Module]:
        """Bring the parts of `path` into memory; what is returned gives a layer of a part."""
        holds = {part: path.merges.get(part, part) for part in path.parts}
        frame = holds[path.frame]
        if self._held != _key(frame):
            self._held = ""
            self._merger.merge(frame if isinstance(frame, Recipe) else _copy_of(frame))
            self._held = _key(frame)
        banks = self._fill({_key(h): h for h in holds.values() if isinstance(h, Recipe)})

        def found(part: str, layer: int) -> nn.Module:
            held = holds[part]
            if _key(held) == self._held:
                return self._stack.plain[layer]
            return banks[_key(held)][layer] if _key(held) in banks else self._layer(part, layer)

        return found

    def _fill(self, wanted: dict[str, Recipe]) -> dict[str, nn.ModuleList]:
        """Banks that hold the merges `wanted`, by key; those nobody wants now are overwritten."""
        wanted.pop(self._held, None)
        free = [bank for bank in self._banks if bank.held not in wanted]
        found = {bank.held: bank for bank in self._banks if bank.held in wanted}
        for key in wanted.keys() - found.keys():
            if not free:
                free.append(self._bank())
                self._banks.append(free[-1])
            found[key] = free.pop()
            found[key].fill(wanted[key])
        return {key: bank.layers for key, bank in found.items()}

    def _layer(self, source: str, layer: int) -> nn.Module:
        if (source, layer) not in self._read:
            flat, layout = self.sources.flat(source), self.sources.layout
            like = self._stack.plain[layer]
            prefix = f"{self._stack.name}.{layer}."
            weights = {
                segment.name.removeprefix(prefix): layout.view(flat, segment)
                for segment in layout.segments
                if segment.name.startswith(prefix)
            }
            self._read[source, layer] = _with_weights(like, weights)
        return self._read[source, layer]


class _Stack:
    """The decoder's list of layers in a live model, and the configuration that speaks of it."""

    def __init__(self, model: Any) -> None:
        self._decoder = model.get_decoder() if hasattr(model, "get_decoder") else model
        plain = getattr(self._decoder, "layers", None)
        if not isinstance(plain, nn.ModuleList):
            raise BadInput(f"{type(model).__name__}: its decoder has no list of layers")
        self.plain: nn.ModuleList = plain
        self.name: str = next(name for name, module in model.named_modules() if module is plain)
        found = [model.config.get_text_config(decoder=True), self._decoder.config]
        self._configs = list({id(config): config for config in found}.values())
        self._types = getattr(found[0], "layer_types", None)

    def put(self, layers: Iterable[nn.Module], order: Sequence[int]) -> None:
        """Let the decoder run `layers`; the i-th has the attention of plain layer ``order[i]``."""
        self._set(nn.ModuleList(layers), order)

    def restore(self) -> None:
        """Let the decoder run its own layers."""
        self._set(self.plain, range(len(self.plain)))

    def _set(self, layers: nn.ModuleList, order: Sequence[int]) -> None:
        self._decoder.layers = layers
        for config in self._configs:
            config.num_hidden_layers = len(layers)
            if self._types is not None:
                config.layer_types = [self._types[layer] for layer in order]


class _Bank:
    """The layers of one merge, and nothing else of it: views of the `Merger`'s flat buffer."""

    def __init__(
        self, sources: Sources, stack: _Stack, mode: Mode | MakeRunner, cache: Path | None
    ) -> None:
        self.layers = nn.ModuleList(_with_weights(layer, {}) for layer in stack.plain)
        root: nn.Module = self.layers
        for word in reversed(stack.name.split(".")):
            inner, root = root, nn.Module()
            root.add_module(word, inner)
        self._merger, self.held = Merger(_cut(sources, f"{stack.name}."), root, mode, cache), ""

    def fill(self, recipe: Recipe) -> None:
        self.held = ""
        self._merger.merge(recipe)
        self.held = _key(recipe)


def _cut(sources: Sources, prefix: str) -> Sources:
    """`sources` with the tensors named `prefix`… alone, which are neighbours: nothing is copied."""
    kept = [segment for segment in sources.layout.segments if segment.name.startswith(prefix)]
    start = kept[0].start
    layout = Layout(tuple(Segment(s.name, s.shape, s.start - start) for s in kept))
    flats = {name: sources.flat(name)[start : start + layout.size] for name in sources.names}
    return Sources(layout, flats, sources.device, sources.digests)


def _key(held: Recipe | str) -> str:
    return f"model {held}" if isinstance(held, str) else held.digest


def _copy_of(source: str) -> Recipe:
    return Recipe("linear", (Input(source, {"weight": 1.0}),))


def _with_weights(layer: nn.Module, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """A copy of `layer` with these `weights` by name; those not given stay `layer`'s, shared."""
    shared = {id(parameter): parameter for parameter in layer.parameters()}
    own = copy.deepcopy(layer, shared)  # the memo keeps parameters from being copied
    for name, parameter in layer.named_parameters():
        module, _, attribute = name.rpartition(".")
        data = weights.get(name, parameter.data).to(parameter.device, parameter.dtype)
        setattr(own.get_submodule(module), attribute, nn.Parameter(data, parameter.requires_grad))
    return own


def _hop(layer: nn.Module, place: int, scale: float) -> nn.Module:
    """`layer` at `place` in the path: its weights, a cache slot and a scale of its own."""
    own = _placed(layer, place)
    own = _shallow(own) if own is layer else own
    if scale != 1.0:
        own.register_forward_pre_hook(partial(_scaled, scale), with_kwargs=True)
    return own


def _placed(module: nn.Module, place: int) -> nn.Module:
    """`module` with `layer_idx`, where it or a part of it has one, set to `place` in a copy."""
    parts = {n: _placed(part, place) for n, part in module._modules.items() if part is not None}
    indexed = "layer_idx" in vars(module)
    if not indexed and all(module._modules[name] is part for name, part in parts.items()):
        return module
    own = _shallow(module)
    own._modules.update(parts)
    if indexed:
        own.layer_idx = place  # type: ignore[assignment]
    return own


def _shallow(module: nn.Module) -> nn.Module:
    """A module with the parameters, buffers and parts of `module`, in dictionaries of its own."""
    own = copy.copy(module)
    for name, value in vars(own).items():
        if isinstance(value, dict):
            vars(own)[name] = copy.copy(value)
    return own


def _scaled(
    scale: float, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args:
        return (args[0] * scale, *args[1:]), kwargs
    return args, {**kwargs, "hidden_states": kwargs["hidden_states"] * scale}
