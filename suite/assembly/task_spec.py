"""What a task is, as configuration says it: parsed and defaulted once, typed from here on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suite.assembly.fields import Fields
from suite.assembly.searched import MergeSpec, PathSpec
from suite.assembly.targets import Target
from suite.errors import BadInput
from suite.objective import Objective

OF_MODELS = ("models", "base", "merge", "path", "evaluators", "baselines")


@dataclass(frozen=True)
class TaskSpec:
    """A task, as `parse` makes it: of models that are merged, or of a problem without any.

    Attributes
    ----------
    name : str
    objectives : tuple of Objective
        In the order of the losses.
    problem : Target or None
        What takes the place of models; all that follows is then empty.
    models : mapping of str to str
        By name a folder or ``org/name[@revision]`` on the Hub.
    base : str
        The untouched model among them.
    vlm : str or None
        The model among them that sees, and whose language tower is merged.
    vocabulary : str
        What is done about vocabularies of different sizes: refuse or cut.
    dtype : str
        Of the live model.
    seeing : mapping
        ``tiling`` and ``rope_theta`` of the `vlm`, where they are given.
    allow_nonfinite : bool
        Whether source weights may hold NaN or infinite values.
    merge : MergeSpec or None
    path : PathSpec or None
        What is searched: merges, layer paths, or both.
    evaluators : mapping of str to Target
        By the name that overrides call them; each has its own ``name``.
    baselines : str or None
        The folder of hand-tuned recipes below ``baselines/``.
    data : str
        The folder that data sets are in.
    datasets : mapping of str to str
        Folders in `data` and what they are copies of on the Hub.
    written : mapping
        All of it as it was given, in its order: what config.yaml keeps.
    """

    name: str
    objectives: tuple[Objective, ...]
    problem: Target | None
    models: Mapping[str, str]
    base: str
    vlm: str | None
    vocabulary: str
    dtype: str
    seeing: Mapping[str, Any]
    allow_nonfinite: bool
    merge: MergeSpec | None
    path: PathSpec | None
    evaluators: Mapping[str, Target]
    baselines: str | None
    data: str
    datasets: Mapping[str, str]
    written: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, given: Any, where: str = "") -> TaskSpec:
        """The task of plain types; objectives are listed, or named as overrides call them.

        Parameters
        ----------
        given : mapping
            As under ``task`` of a composed configuration or of a config.yaml.
        where : str
            What `BadInput` begins with: the file, where it is one.

        Raises
        ------
        BadInput
            For a key of another kind than it must be, for one that is missing, and for keys that
            exclude each other. What needs a look at models or data is checked where they are read.
        """
        name = Fields(given, f"{where}task.").text("name")
        where = f"{where}task {name}"
        keys = Fields(given, f"{where}: ")
        problem = _problem(given, where)
        models, base = keys.texts_by_name("models"), keys.maybe_text("base") or ""
        if problem is None and base not in models:
            known = ", ".join(models) or "no models, and there is no problem"
            raise BadInput(f"{where}: base {base!r} is not one of {known}")
        vlm = keys.maybe_text("vlm")
        merge, path = keys.mapping("merge"), keys.mapping("path")
        evaluators = {
            str(key): _evaluator(each, f"{where}: evaluator {key!r}")
            for key, each in (keys.mapping("evaluators") or {}).items()
        }
        return cls(
            name=name,
            objectives=Objective.listed(given.get("objectives"), where),
            problem=problem,
            models=models,
            base=base,
            vlm=vlm,
            vocabulary=keys.maybe_text("vocabulary") or "refuse",
            dtype=keys.maybe_text("dtype") or "float32",
            seeing=seeing(given, vlm, where),
            allow_nonfinite=keys.yes("allow_nonfinite", default=False),
            merge=None if merge is None else MergeSpec.parse(merge, models),
            path=None if path is None else PathSpec.parse(path),
            evaluators=evaluators,
            baselines=keys.maybe_text("baselines"),
            data=keys.maybe_text("data") or ".",
            datasets=keys.texts_by_name("datasets"),
            written=copy.deepcopy(dict(given)),
        )

    def changed(self, **keys: Any) -> TaskSpec:
        """The same with other values for `keys`, given as configuration writes them."""
        return TaskSpec.parse({**self.written, **keys})

    def stored(self) -> dict[str, Any]:
        """As config.yaml holds it: what was given, with the objectives as a list."""
        given = self.written["objectives"]
        listed = [*given.values()] if isinstance(given, Mapping) else given
        return {**self.written, "objectives": listed}


def seeing(given: Mapping[str, Any], vlm: str | None, where: str) -> dict[str, Any]:
    """How a `vlm` is loaded: its ``tiling`` and ``rope_theta``, where they are given."""
    found = {key: given[key] for key in ("tiling", "rope_theta") if given.get(key) is not None}
    if found and vlm is None:
        raise BadInput(f"{where}: {next(iter(found))} is a setting of a vlm; it has none")
    if not isinstance(found.get("tiling", True), bool):
        raise BadInput(f"tiling={found['tiling']}: allowed are true and false")
    return found


def _problem(given: Mapping[str, Any], where: str) -> Target | None:
    """The problem of a task without models; `BadInput` if it is of models as well."""
    if given.get("problem") is None:
        return None
    if more := [key for key in OF_MODELS if given.get(key) is not None]:
        raise BadInput(f"{where}: problem and {more[0]}; a task has one of the two")
    return Target.parse(given["problem"], f"{where}: problem")


def _evaluator(given: Any, where: str) -> Target:
    found = Target.parse(given, where)
    if not isinstance(found.options.get("name"), str):
        raise BadInput(f"{where}: no name")
    return found
