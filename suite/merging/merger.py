"""Recipes carried out: sources in, the parameters of one live model rewritten."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import torch

from suite.errors import BadInput, CandidateFailure
from suite.merging import kernel, planner
from suite.merging.eager import Eager
from suite.merging.plan import Plan, Whole
from suite.merging.sources import Sources, fits
from suite.merging.tables import Tables
from suite.recipes.recipe import Recipe

Mode = Literal["auto", "eager", "compiled"]


class MergeFailure(CandidateFailure):
    """A merge whose result is not finite; says which tensor."""


class Runner(Protocol):
    """Carries out plans: eager.py, kernel.py, or one from outside this room."""

    def run(self, plan: Plan) -> bool | None:
        """Carry out `plan`; true when every result is known to be finite."""
        ...


MakeRunner = Callable[[Tables, torch.Tensor], Runner]  # of the flat live model, (layout.size,)


class Merger:
    """Merges `sources` into the parameters of `model`, again and again.

    The parameters become views of one flat buffer on the sources' device, in the model's own
    floating type; arithmetic is float32. A tensor tied to a parameter (a head to its embedding)
    follows it. An embedding or head with more rows than the sources' (a vision-language model's
    tokens for pictures) stays where it is, receives the merged rows and keeps its others.

    Parameters
    ----------
    sources
        The models to merge; their layout is the buffer's.
    model
        The live model: its parameters are the sources' tensors, all of one floating type.
    mode
        ``eager`` runs torch operations on any device; ``compiled`` runs fused kernels on a CPU and
        needs a C++ compiler; ``auto`` compiles where that is possible. Or what makes the runner:
        of a CUDA device `suite.experimental.cuda_merging.launch.runner` gives it.
    cache
        Folder for tables of the sources (`Tables`); None keeps them in memory alone.

    Raises
    ------
    BadInput
        When the model's parameters are not the sources' tensors, or `mode` cannot be had.
    """

    def __init__(
        self,
        sources: Sources,
        model: torch.nn.Module,
        mode: Mode | MakeRunner = "auto",
        cache: Path | None = None,
    ) -> None:
        self.sources, self.layout = sources, sources.layout
        parameters = dict(model.named_parameters())
        types = {parameter.dtype for parameter in parameters.values()}
        if len(types) != 1:
            raise BadInput(f"the live model mixes floating types: {sorted(map(str, types))}")
        _check_fit(sources, model, parameters)
        self._live = torch.zeros(self.layout.size, dtype=types.pop(), device=sources.device)
        self._longer: list[tuple[torch.Tensor, torch.Tensor]] = []
        for segment in (s for s in self.layout.segments if s.name in parameters):
            place, own = self.layout.view(self._live, segment), parameters[segment.name]
            if own.shape == place.shape:
                own.data = place.copy_(own.data)
            else:
                self._longer.append((own.data[: len(place)], place))
        self.tables = Tables(sources, cache)
        self._runner = _runner(mode, self.tables, self._live)

    @torch.no_grad()
    def merge(self, recipe: Recipe) -> None:
        """Carry out `recipe` in place; the same recipe gives the same bytes.

        `BadInput` when it names models that are no sources, before anything is written;
        `MergeFailure` when a result is NaN or infinite (the model then holds it until the next
        merge, which writes every parameter).
        """
        for name in recipe.models:
            self.sources.flat(name)
        finite = True
        for plan in list(planner.plans(recipe, self.tables)):
            if isinstance(plan, Whole):
                self._run_whole(plan)
                finite = False
            else:
                finite = bool(self._runner.run(plan)) and finite
        rounded = getattr(torch, recipe.dtype)
        if recipe.dtype != "float32" and rounded != self._live.dtype:
            self._live.copy_(self._live.to(rounded))
            finite = False
        if not finite:
            self._check_finite()
        for rows, place in self._longer:
            rows.copy_(place)

    def _run_whole(self, plan: Whole) -> None:
        for place, formula in zip(plan.places, plan.formulas, strict=True):
            segment = self.layout.segments[place]
            part = slice(segment.start, segment.stop)

            def tensor(
                model: str, part: slice = part, shape: Sequence[int] = segment.shape
            ) -> torch.Tensor:
                return self.sources.part(model, part).view(shape)

            base = None if plan.base is None else tensor(plan.base)
            self._live[part] = formula(base, [tensor(m) for m in plan.models]).reshape(-1)

    def _check_finite(self) -> None:
        # one pass: NaN spreads to both extremes, infinities are extremes
        low, high = torch.aminmax(self._live)
        if math.isfinite(float(low)) and math.isfinite(float(high)):
            return
        for segment in self.layout.segments:
            if not bool(torch.isfinite(self._live[segment.start : segment.stop]).all()):
                raise MergeFailure(f"merged tensor {segment.name!r} holds NaN or infinity")


def _runner(mode: Mode | MakeRunner, tables: Tables, live: torch.Tensor) -> Runner:
    if callable(mode):
        return mode(tables, live)
    if mode not in ("auto", "eager", "compiled"):
        raise BadInput(f"mode is {mode!r}; allowed are auto, eager, compiled")
    kind, wanted = live.device.type, mode == "compiled"
    if kind == "cpu" and (wanted or (mode == "auto" and kernel.compiler())):
        return kernel.Kernel(tables, live)
    if wanted:
        raise BadInput(f"mode compiled: a Merger has kernels for cpu, not for {kind}")
    return Eager(tables, live)


def _check_fit(
    sources: Sources, model: torch.nn.Module, parameters: dict[str, torch.nn.Parameter]
) -> None:
    segments = {segment.name: segment for segment in sources.layout.segments}
    tied = {name for name, _ in model.named_parameters(remove_duplicate=False)} - set(parameters)
    for name, parameter in parameters.items():
        if name not in segments:
            raise BadInput(f"the live model's tensor {name!r} is in no source")
        if not fits(name, segments[name].shape, tuple(parameter.shape), "cut"):
            raise BadInput(
                f"tensor {name!r} has shape {list(parameter.shape)} in the live model and"
                f" {list(segments[name].shape)} in the sources"
            )
    unknown: Sequence[str] = sorted(set(segments) - set(parameters) - tied)
    if unknown:
        raise BadInput(f"the sources' tensor {unknown[0]!r} is no parameter of the live model")
