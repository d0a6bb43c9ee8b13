"""The models behind published rows, one in memory at a time: as they are, or merged by the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.assembly import assemble
from suite.assembly.spec import RunSpec
from suite.checkpoints import compatibility, hub
from suite.errors import BadInput
from suite.recipes.layer_path import LayerPath
from suite.recipes.recipe import Recipe
from suite.reproduce import path, rows
from suite.reproduce.published import Row


def named(selected: rows.Selected, row: Row) -> dict[str, str]:
    """What has to be here for `row`, by the names in its recipe: a model, or all of the task's."""
    models = selected.task.models
    if not row.loadable:
        return {}
    if as_it_is(selected, row):
        return {str(row.model): models[str(row.model)] if row.own else str(row.model)}
    return dict(models)


def as_it_is(selected: rows.Selected, row: Row) -> bool:
    """Whether the row is one model that is loaded unchanged, with its own tokenizer.

    A plain language model of a vision-language task is not: it needs the eyes of the task's ``vlm``.
    """
    vlm = selected.task.vlm
    return row.model is not None and (not row.own or vlm is None or row.model == vlm)


def recipe(row: Row, models: Mapping[str, str]) -> Recipe | LayerPath:
    """The row's recipe; layer paths ask for the models' number of layers, which their headers tell."""
    from suite.checkpoints import parents

    return row.recipe(lambda name: parents.layers(models.get(name, name)))


class Models:
    """Loads the rows' models of one task; the earlier one is let go of first."""

    def __init__(self, selected: rows.Selected) -> None:
        self._selected = selected
        self._held: Any = None  # the handle of a model as it is, or the Task that merges
        self._merging: dict[str, str] | None = None
        self.batch_size: int = selected.run.batch_size

    def handle(self, row: Row, models: dict[str, str]) -> Any:
        """A handle on the row's model; `models` are its names at commits (`named`)."""
        if not as_it_is(self._selected, row):
            if self._merging != models:
                self.release()
                self._held, self._merging = assemble.task(self._run(models)), models
            self._held.merge(recipe(row, models))
            return self._held.handle
        self.release()
        (model,) = models.values()
        self._held = self._load(row.name, model)
        return self._held

    def release(self) -> None:
        """Let go of what is loaded."""
        import gc

        import torch

        if self._held is not None:
            self._held = self._merging = None
            gc.collect()
            torch.cuda.empty_cache()

    def _run(self, models: dict[str, str]) -> RunSpec:
        task = self._selected.task.changed(models=models)
        return self._selected.run.changed(task=task.written, batch_size=self.batch_size)

    def _load(self, name: str, model: str) -> Any:
        from suite.evaluators.models import handle, vision

        task, on = self._selected.task, assemble.device(self._selected.run.device)
        dtype, header = task.dtype, compatibility.read(name, model)
        _check_room(header, on, dtype)
        folder = hub.locate(model).folder
        if path.is_path(header.shapes):
            return path.load(folder, on, self.batch_size, dtype)
        if task.vlm is None:
            return handle.load(folder, on, self.batch_size, dtype)
        tiling = task.seeing.get("tiling", True)
        return vision.load(folder, on, self.batch_size, dtype, tiling=tiling)


def live(header: compatibility.Header, dtype: str) -> int:
    """Bytes of a model's weights as `dtype`, its eyes included."""
    return compatibility.LIVE[dtype] * (header.parameters + header.eyes)


def _check_room(header: compatibility.Header, on: str, dtype: str) -> None:
    """Refuse what does not fit this machine, before it is downloaded."""
    if dtype not in compatibility.LIVE:
        raise BadInput(f"dtype={dtype}: allowed are {', '.join(compatibility.LIVE)}")
    needed, there = live(header, dtype), compatibility.memory_of(on)
    if needed > there:
        raise BadInput(
            f"memory: its weights need {compatibility.size(needed)}, {on} has {compatibility.size(there)}"
        )
    if header.download > (free := compatibility.disk_free()):
        raise BadInput(
            f"disk: {compatibility.size(header.download)} to download, {compatibility.size(free)} free"
            " where the Hub's cache lies (HF_HOME moves it)"
        )
