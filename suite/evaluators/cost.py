"""What a model costs to run and to keep: depth, parameters, measured time. No items are read."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch

from suite.errors import BadInput
from suite.evaluators.models.handle import ModelHandle
from suite.records.trial import Score

MILLION = 1e6


class Cost:
    """Figures of the live model itself, the same on every split:

    ``hops``: layers that a token runs through, repeated ones counted each time.
    ``active_parameters``: millions of parameters a token meets: those of the layers, counted for
    each hop, of the final norm and of the head; not the embedding table, of which it reads a row.
    ``stored_parameters``: millions of different parameters in memory, everything included, a
    repeated layer or a tied head once. (A plain export stores repeated layers repeatedly.)
    ``milliseconds_per_token``: wall time of a forward pass over a fixed batch of `rows` × `length`
    tokens, without a cache, per token; the median of `passes` after one to warm up, and the
    standard error over them.

    The first three are exact functions of the recipe. The time is not: it varies from pass to
    pass and machine to machine. A run that searches by it can be resumed, since a journal replays
    the losses it holds and measures nothing again, but made anew with the same seed it takes
    another course, and no judge or export gives its figures back. ``passes: 0`` leaves it out.
    """

    def __init__(self, name: str, rows: int = 8, length: int = 64, passes: int = 5) -> None:
        for key, value, least in (("rows", rows, 1), ("length", length, 1), ("passes", passes, 0)):
            if value < least:
                raise BadInput(f"evaluator {name!r}: {key} {value} must be at least {least}")
        self.name, self.rows, self.length, self.passes = name, rows, length, passes
        timed = ("milliseconds_per_token",) if passes else ()
        self.figures = ("hops", "active_parameters", "stored_parameters", *timed)

    def evaluate(self, handle: ModelHandle, split: str) -> dict[str, Score]:
        """Scores by figure; `split` makes no difference. `BadInput` if there is no live model."""
        model: Any = getattr(handle, "model", None)
        layers = getattr(model.get_decoder(), "layers", None) if model is not None else None
        if layers is None:
            raise BadInput(f"evaluator {self.name!r}: {type(handle).__name__} shows no layers")
        exact = {
            "hops": float(len(layers)),
            "active_parameters": _active(model) / MILLION,
            "stored_parameters": _count(model.parameters()) / MILLION,
        }
        scores = {figure: Score(value, 0.0, 1) for figure, value in exact.items()}
        if self.passes:
            scores["milliseconds_per_token"] = self._time(model)
        return scores

    def _time(self, model: Any) -> Score:
        tokens = self.rows * self.length
        vocabulary = model.get_input_embeddings().weight.shape[0]
        ids = torch.arange(tokens, device=model.device).view(self.rows, -1) % vocabulary
        milliseconds = [_seconds(model, ids) * 1e3 / tokens for _ in range(self.passes + 1)][1:]
        stderr = Score.mean(milliseconds).stderr
        return Score(statistics.median(milliseconds), stderr, self.passes)


def _seconds(model: Any, ids: torch.Tensor) -> float:
    """Wall time of one forward pass, what a GPU still does included."""
    _wait(ids)
    started = time.perf_counter()
    with torch.inference_mode():
        model(input_ids=ids, use_cache=False)
    _wait(ids)
    return time.perf_counter() - started


def _wait(ids: torch.Tensor) -> None:
    if ids.is_cuda:
        torch.cuda.synchronize(ids.device)


def _active(model: Any) -> int:
    decoder = model.get_decoder()
    layers = [_count(layer.parameters()) for layer in decoder.layers]
    within = {id(parameter) for parameter in decoder.layers.parameters()}
    within |= {id(parameter) for parameter in model.get_input_embeddings().parameters()}
    norm = _count(parameter for parameter in decoder.parameters() if id(parameter) not in within)
    return sum(layers) + norm + _count(model.get_output_embeddings().parameters())


def _count(parameters: Iterable[torch.nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
