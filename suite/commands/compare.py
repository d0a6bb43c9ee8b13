"""`suite compare`: a claim about two strategies, from plan to answer.

The seeds that a stated effect needs are counted first, the runs that are missing are made, and the
first so many seeds, no more and no fewer, decide.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from suite import claim as claims
from suite import pareto, places
from suite.claim import Answer, Claim
from suite.commands import card, compose, run, spaces
from suite.errors import BadInput

Configs = dict[tuple[str, int], dict[str, Any]]
Journals = dict[tuple[str, int], list[Any]]

SPLITS = ("search", "report")
OWN = {"claim": "", "effect": "1", "power": "0.8", "alpha": "0.05", "seeds": "", "split": "search"}


def main(words: list[str]) -> None:
    """Answer ``claim="nsga2 > random on ja_math_micro"``; the other words are those of `suite run`."""
    options, overrides, dry = _words(words[1:])
    claim = Claim.parse(options["claim"])
    plan = {key: _number(options, key) for key in ("effect", "power", "alpha")}
    needed = claims.seeds_needed(**plan)
    count = _seeds(options, needed, plan["alpha"])
    configs = _configs(claim, count, overrides)
    first = configs[claim.better, 0]
    done = {key: _trials(config) for key, config in configs.items()}
    missing = [key for key, config in configs.items() if len(done[key]) < config["trials"]]
    for key in configs.keys() - missing:
        _check_same(configs[key])
    print(f"claim    {claim}, by hypervolume on {options['split']} items, {first['trials']} trials")
    print(
        f"plan     {count} seeds each; {needed} find an effect of {plan['effect']:g} standard"
        f" deviation(s) over seeds with a probability of {plan['power']:g}"
    )
    _print_runs(done, missing, first["trials"])
    if dry:
        return
    for number, key in enumerate(missing, start=1):
        print(f"\nrun {number} of {len(missing)}: {key[0]}, seed {key[1]}", flush=True)
        run.run(configs[key])
        done[key] = _trials(configs[key])
    of = {"search": _searched, "report": _reported}[options["split"]]
    values: dict[str, list[float]] = {claim.better: [], claim.other: []}
    for (name, seed), config in configs.items():
        values[name].append(of(config, done[name, seed]))
    found = claims.answer(values[claim.better], values[claim.other], plan["alpha"])
    _tell(claim, found, values, plan["effect"], plan["alpha"])
    about = {"claim": str(claim), "split": options["split"], "trials": first["trials"], **plan}
    path = Path(first["results"]) / claim.task / "claims"
    _write(path, claim, {**about, "values": values, **asdict(found)})


def _write(folder: Path, claim: Claim, record: dict[str, Any]) -> None:
    places.make_writable(folder)
    path = folder / f"{claim.better}-{claim.other}-{record['split']}.json"
    places.write_whole(path, json.dumps(record, indent=1) + "\n")
    print(f"written  {path}")


def _words(words: list[str]) -> tuple[dict[str, str], list[str], bool]:
    """This command's own options, the overrides for runs, and whether to plan only."""
    options, overrides = dict(OWN), []
    for word in words:
        key, mark, value = word.partition("=")
        if key in options and mark:
            options[key] = value
        elif key in ("task", "optimizer", "seed"):
            raise BadInput(f"compare: {word!r}: task, optimizers and seeds follow from the claim")
        elif word != "--dry-run":
            overrides.append(word)
    if options["split"] not in SPLITS:
        raise BadInput(f"split={options['split']}: allowed are {', '.join(SPLITS)}")
    return options, overrides, "--dry-run" in words


def _number(options: dict[str, str], key: str) -> float:
    try:
        return float(options[key])
    except ValueError:
        raise BadInput(f"{key}={options[key]}: not a number") from None


def _seeds(options: dict[str, str], needed: int, alpha: float) -> int:
    """How many seeds decide: those asked for, else those that are needed."""
    if not options["seeds"]:
        return needed
    least = claims.fewest_seeds(alpha)
    if not options["seeds"].isdecimal() or int(options["seeds"]) < least:
        raise BadInput(
            f"seeds={options['seeds']}: must be a whole number; fewer than {least} can never give"
            f" a p below {alpha:g}"
        )
    return int(options["seeds"])


def _configs(claim: Claim, count: int, overrides: list[str]) -> Configs:
    """Both optimizers' runs, seed by seed."""
    return {
        (name, seed): compose.compose(
            [*overrides, f"task={claim.task}", f"optimizer={name}", f"seed={seed}"]
        )
        for seed in range(count)
        for name in (claim.better, claim.other)
    }


def _folder(config: dict[str, Any]) -> Path:
    return places.run_folder(
        config["results"], config["task"]["name"], config["optimizer"], config["seed"]
    )


def _trials(config: dict[str, Any]) -> list[Any]:
    from suite.journal import Journal

    path = _folder(config) / "trials.jsonl"
    return list(Journal(path).read()) if path.exists() else []


def _check_same(config: dict[str, Any]) -> None:
    """`BadInput` when the run that is there was made under another configuration."""
    before = yaml.safe_load((_folder(config) / "config.yaml").read_text(encoding="utf-8"))
    now = run.stored(spaces.settled(card.pinned(config)), before["inputs"])
    run.check_same(before, now, _folder(config))


def _print_runs(done: Journals, missing: list[tuple[str, int]], budget: int) -> None:
    """How many runs there are, and how long the others will take, judged by the journals so far."""
    known = [t.seconds["total"] for trials in done.values() for t in trials if t.status == "ok"]
    left = sum(budget - len(done[key]) for key in missing)
    time = f", about {left * median(known) / 60:.0f} minutes" if known and missing else ""
    print(f"         {len(done) - len(missing)} runs are there, {len(missing)} missing{time}")


def _searched(config: dict[str, Any], trials: list[Any]) -> float:
    """Hypervolume of the first trials on search items, as many as the budget."""
    return _hypervolume([trial.losses for trial in trials[: config["trials"]] if trial.losses])


def _reported(config: dict[str, Any], trials: list[Any]) -> float:
    """Hypervolume of the judged front on report items."""
    from suite.journal import records

    if len(trials) != config["trials"]:
        raise BadInput(
            f"{_folder(config)}: its front was judged after {len(trials)} trials; on report items"
            f" say trials={len(trials)}"
        )
    lines = records(_folder(config) / "judged.jsonl").read()
    if not (losses := [line["losses"] for line in lines if line["split"] == "report"]):
        name = config["task"]["name"]
        raise BadInput(f"{_folder(config)}: not judged yet; suite judge task={name}")
    return _hypervolume(losses)


def _hypervolume(losses: list[Any]) -> float:
    return pareto.hypervolume(losses) if losses else 0.0


def _tell(
    claim: Claim, found: Answer, values: dict[str, list[float]], effect: float, alpha: float
) -> None:
    print()
    for name, row in values.items():
        print(f"{name:16}median {median(row):.4f}, {min(row):.4f} to {max(row):.4f}")
    share = round(100 * (1 - alpha))
    print(
        f"difference      {found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}] ({share} %),"
        f" sign-flip test paired by {found.seeds} seeds: p {found.p:.2g}"
    )
    print(
        f"                {claim.better} wins {100 * found.improvement:.0f} % of all pairs of runs;"
        f" one standard deviation is {found.deviation:.4f}"
    )
    print(f"verdict  {found.verdict}")
    if found.verdict == "undecided" and found.deviation > 0:
        reach = max(abs(found.low), abs(found.high)) / found.deviation
        print(
            f"         a difference of more than {reach:.1f} standard deviations is excluded;"
            f" {effect:g} was looked for"
        )
