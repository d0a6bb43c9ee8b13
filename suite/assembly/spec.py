"""What a run is, as configuration says it: parsed and defaulted once, and compared here.

Hydra's dictionaries end in a `RunSpec`, and so does every config.yaml that is read again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from suite.assembly.fields import Fields
from suite.assembly.targets import Target
from suite.assembly.task_spec import TaskSpec
from suite.errors import BadInput
from suite.records.files import yaml_text
from suite.records.folder import RunFolder

# A run may be continued with another of these: how long it goes on, where its results and its mirror
# are, on what and how fast it is carried out, and what it is permitted to import. All else is what it is.
FREE = (
    *("trials", "results", "tracker", "device", "batch_size", "merging", "allow_targets"),
    *("asked", "hand_tuning"),
)
UNSTORED = "hand_tuning"  # how a task is tuned by hand is no part of a run at all
Mode = Literal["auto", "eager", "compiled"]
MODES: tuple[Mode, ...] = ("auto", "eager", "compiled")
ENGINES = ("transformers", "vllm")
_NOTHING: tuple[Any, ...] = (None, {}, [])


@dataclass(frozen=True)
class Merging:
    """How merges are carried out, not what they give.

    `mode` is auto, eager (torch operations) or compiled (fused kernels); `streamed` keeps the
    sources in host memory; `tables` is the folder that keeps what depends on the sources alone.
    """

    mode: Mode = "auto"
    streamed: bool = False
    tables: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None, where: str = "") -> Merging:
        keys = Fields(given or {}, f"{where}merging.")
        mode = keys.maybe_text("mode") or "auto"
        known: dict[str, Mode] = {each: each for each in MODES}
        if mode not in known:
            raise BadInput(f"{where}merging.mode={mode}: allowed are {', '.join(MODES)}")
        return cls(known[mode], keys.yes("streamed", default=False), keys.maybe_text("tables"))


@dataclass(frozen=True)
class RunSpec:
    """One optimizer on one task with one seed, as `parse` makes it.

    Attributes
    ----------
    task : TaskSpec
    optimizer : str
        The name of its configuration file, which its results are filed under.
    optimizer_options : Target
        What builds it.
    seed : int
        0 or more.
    device : str
        auto, cpu, cuda or cuda:N.
    trials : int
        The budget, 1 or more.
    results : str
        The folder that results are in.
    start : tuple of str
        Names of baselines that the search begins with.
    batch_size : int
        Most prompts in one forward pass, 1 or more.
    engine : str
        What generates replies, one of `ENGINES`.
    vllm : mapping
        Options of vLLM's ``LLM``.
    merging : Merging
    tracker : Target
        What mirrors the run.
    allow_targets : tuple of str
        Modules outside suite that a ``_target_`` may name.
    hand_tuning : mapping
        The grids of `suite tune`.
    asked : mapping of str to str
        Hub models as they were asked for, where that was no commit.
    inputs : mapping or None
        sha256 of weights and items, once they are known (`suite.assembly.identity.inputs`).
    written : mapping
        All of it as it was given, in its order: what config.yaml keeps.
    """

    task: TaskSpec
    optimizer: str
    optimizer_options: Target
    seed: int
    device: str
    trials: int
    results: str
    start: tuple[str, ...]
    batch_size: int
    engine: str
    vllm: Mapping[str, Any]
    merging: Merging
    tracker: Target
    allow_targets: tuple[str, ...]
    hand_tuning: Mapping[str, Any]
    asked: Mapping[str, str]
    inputs: Mapping[str, Any] | None
    written: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, given: Any, where: str = "") -> RunSpec:
        """The run of plain types.

        Parameters
        ----------
        given : mapping
            A composed configuration or what a config.yaml holds. Keys that older runs lack, since
            there was no choice then, have the values that were the only ones.
        where : str
            What `BadInput` begins with: the file, where it is one.

        Raises
        ------
        BadInput
            For a key of another kind than it must be, for one that is missing.
        """
        keys = Fields(given, where)
        engine = keys.maybe_text("engine") or ENGINES[0]
        if engine not in ENGINES:
            raise BadInput(f"{where}engine={engine}: allowed are {', '.join(ENGINES)}")
        return cls(
            task=TaskSpec.parse(given.get("task"), where),
            optimizer=keys.text("optimizer"),
            optimizer_options=Target.parse(
                given.get("optimizer_options"), f"{where}optimizer_options"
            ),
            seed=keys.whole("seed", least=0),
            device=keys.text("device"),
            trials=keys.whole("trials", least=1),
            results=keys.text("results"),
            start=keys.texts("start"),
            batch_size=keys.whole("batch_size", least=1),
            engine=engine,
            vllm=keys.mapping("vllm") or {},
            merging=Merging.parse(keys.mapping("merging"), where),
            tracker=Target.parse(given.get("tracker"), f"{where}tracker"),
            allow_targets=keys.texts("allow_targets"),
            hand_tuning=keys.mapping("hand_tuning") or {},
            asked=keys.texts_by_name("asked"),
            inputs=_inputs(keys.mapping("inputs"), where),
            written=copy.deepcopy(dict(given)),
        )

    @classmethod
    def of(cls, run: RunFolder) -> RunSpec:
        """What the run in a folder is; `BadInput` names a config.yaml that is damaged."""
        return cls.parse(run.config(), f"{run.config_path}: ")

    @property
    def folder(self) -> RunFolder:
        """Where the run's files lie."""
        return RunFolder.at(self.results, self.task.name, self.optimizer, self.seed)

    def changed(self, **keys: Any) -> RunSpec:
        """The same with other values for `keys`, given as configuration writes them."""
        return RunSpec.parse({**self.written, **keys})

    def with_task(self, task: TaskSpec) -> RunSpec:
        """The same on another task."""
        return self.changed(task=task.written)

    def stored(self) -> dict[str, Any]:
        """As config.yaml holds it, in the order it was given."""
        own = {key: value for key, value in self.written.items() if key != UNSTORED}
        return {**own, "task": self.task.stored()}

    def text(self) -> str:
        """What stands in config.yaml."""
        return yaml_text(self.stored())

    def differences(self, now: RunSpec) -> list[str]:
        """In what this run and `now` are not the same, `FREE` keys aside; each with both values."""
        before, after = (
            {key: value for key, value in each.stored().items() if key not in FREE}
            for each in (self, now)
        )
        return sorted(differences(before, after))

    def check_same(self, now: RunSpec, folder: RunFolder) -> None:
        """`BadInput` when this run, found in `folder`, is another than `now`."""
        if changed := self.differences(now):
            raise BadInput(
                f"{folder} holds another configuration; different here: {'; '.join(changed)}."
                " Use another results folder or remove this one"
            )


def _inputs(given: Mapping[str, Any] | None, where: str) -> Mapping[str, Any] | None:
    """Hashes by file, of models and items by their names first."""
    for kind, found in (given or {}).items():
        rows = [found] if kind == "problem" else [found, *_values(found)]
        if not all(isinstance(row, Mapping) for row in rows):
            raise BadInput(f"{where}inputs.{kind}: must hold sha256 by file")
    return given


def _values(given: Any) -> list[Any]:
    return [*given.values()] if isinstance(given, Mapping) else []


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """The keys in which two nested mappings differ, each with both values.

    A key that is not there, one that is null and an empty mapping or list say the same.

    >>> differences({"a": {"b": 1}, "c": {}}, {"a": {"b": 2}})
    ['a.b: 1 there, 2 now']
    """
    if before == now or (before in _NOTHING and now in _NOTHING):
        return []
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return [f"{where}: {before!r} there, {now!r} now"]
    found = []
    for key in before.keys() | now.keys():
        inner = f"{where}.{key}" if where else str(key)
        found += differences(before.get(key), now.get(key), inner)
    return found
