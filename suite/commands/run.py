"""`suite run`: search, journal, mirror to a tracker, show the front beside the baselines.

A sweep is slow and its runs are independent: start it once per core and each takes those that are
free. What is finished costs little more than loading the task.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import yaml

from suite.assembly import assemble, compose, identity, spaces, targets
from suite.errors import BadInput, Busy
from suite.records import folder as folders
from suite.records import packed


def main(words: list[str]) -> None:
    """Run every job of ``suite run …``."""
    compose.each_job(words[1:], run)


def run(config: dict[str, Any]) -> None:
    """One optimizer on one task with one seed, new or continued."""
    check(config)
    config = spaces.settled(identity.pinned(config))
    folder = folders.run_folder(
        config["results"], config["task"]["name"], config["optimizer"], config["seed"]
    )
    _glance(folder)
    task = assemble.task(config)
    optimizer = assemble.optimizer(config, task)
    baselines = assemble.baselines(config)
    folders.make_writable(folder)
    with _journal(folder, config["trials"]).open("ab") as lock:
        _lock(lock, folder)
        settle(config, folder)
        _search(config, folder, task, optimizer, baselines)


def settle(config: dict[str, Any], folder: Path) -> None:
    """Write the run's config.yaml and environment.json, or refuse a folder that holds another run.

    Those of a run that has all its trials stay: nothing is about to be run with anything else.
    """
    from suite.records.journal import Journal

    path = folder / "config.yaml"
    now = identity.stored(config, identity.inputs(config))
    if path.exists():
        identity.check_same(yaml.safe_load(path.read_text(encoding="utf-8")), now, folder)
        if len(Journal(folder / "trials.jsonl").read()) >= config["trials"]:
            return
    folders.write_whole(path, yaml.safe_dump(now, allow_unicode=True, sort_keys=False))
    identity.write(folder / "environment.json", identity.environment(config))


def check(config: dict[str, Any]) -> None:
    for key, least in (("trials", 1), ("seed", 0), ("batch_size", 1)):
        value = config[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadInput(f"{key}={value}: must be a whole number, {least} or more")


def _glance(folder: Path) -> None:
    """`Busy` before models are loaded for a run that another process has; no promise for later."""
    journal = packed.form(folder / "trials.jsonl")
    if journal.exists():
        with journal.open("rb") as lock:
            _lock(lock, folder)


def _journal(folder: Path, trials: int) -> Path:
    """The journal's file; one that lies compressed and is not at its end is unpacked first."""
    from suite.records.journal import Journal

    path = folder / "trials.jsonl"
    if packed.form(path) != path and len(Journal(path).read()) < trials:
        packed.unpack(path)
    return packed.form(path)


def _lock(file: Any, folder: Path) -> None:
    try:
        packed.lock(file, Path(file.name))
    except Busy:
        raise Busy(f"{folder}: another process is running this run") from None


def _search(
    config: dict[str, Any], folder: Path, task: Any, optimizer: Any, baselines: dict[str, Any]
) -> None:
    from suite.records.journal import Journal
    from suite.search import harness
    from suite.search.progress import Progress, summary
    from suite.trackers import Guarded, RunCard

    journal = Journal(folder / "trials.jsonl")
    done = journal.read()
    tracker = Guarded(targets.build(config["tracker"], config["allow_targets"]))
    with Progress(task.objectives, config["trials"], done) as progress:
        measured = measure_baselines(config, task, baselines)
        name = f"{task.name}/{config['optimizer']}/seed={config['seed']}"
        about = RunCard(name, folder, config, task.objectives, list(measured), identity.FREE)
        tracker.start(about, resumed_from=len(done))

        def on_trial(trial: Any) -> None:
            state = progress.add(trial)
            tracker.trial(trial, state.hypervolume, state.front_size)

        try:
            trials = harness.search(task, optimizer, journal, config["trials"], on_trial)
        except BaseException:
            tracker.finish(progress.front(), measured, interrupted=True)
            raise
        tracker.finish(progress.front(), measured)
    summary(task.objectives, trials, measured, folder, tracker.where)


def measure_baselines(
    config: dict[str, Any], task: Any, baselines: dict[str, Any]
) -> dict[str, Any]:
    """Baselines' scores on the search items: measured once per results folder and task, then read."""
    from suite.records import journal as journals
    from suite.records.trial import Score

    folder = Path(config["results"]) / config["task"]["name"] / "baselines"
    folders.make_writable(folder)
    file, inputs, found = journals.records(folder / "search.jsonl"), identity.digest(config), {}
    with file.path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = {line["digest"]: line for line in file.read() if line["inputs"] == inputs}
        for name, recipe in baselines.items():
            line = known.get(recipe.digest)
            if line is None:
                scores = task.measure(recipe, "search").scores
                line = {
                    "name": name,
                    "digest": recipe.digest,
                    "inputs": inputs,
                    "scores": {key: score.to_json() for key, score in scores.items()},
                }
                file.append(line)
            found[name] = {key: Score.from_json(score) for key, score in line["scores"].items()}
    return found
