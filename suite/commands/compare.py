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

SPLITS = ("search", "report")
OWN = {"claim": "", "effect": "1", "power": "0.8", "alpha": "0.05", "seeds": "", "split": "search"}


def main(words: list[str]) -> None:
    """Answer ``claim="nsga2 > random on ja_math_micro"``; the other words are those of `suite run`."""
    options, overrides, dry = _words(words[1:])
    claim = Claim.parse(options["claim"])
    effect, power, alpha = (_number(options, key) for key in ("effect", "power", "alpha"))
    needed = claims.seeds_needed(effect, power, alpha)
    count = int(_number(options, "seeds")) if options["seeds"] else needed
    if count < (least := claims.fewest_seeds(alpha)):
        raise BadInput(f"seeds={count}: fewer than {least} can never give a p below {alpha:g}")
    configs: Configs = {
        (name, seed): compose.compose(
            [*overrides, f"task={claim.task}", f"optimizer={name}", f"seed={seed}"]
        )
        for seed in range(count)
        for name in (claim.better, claim.other)
    }
    missing = [key for key, config in configs.items() if not _finished(config)]
    print(f"claim    {claim}, by hypervolume on {options['split']} items after as many trials")
    print(
        f"plan     {count} seeds each; {needed} find an effect of {effect:g} standard deviation(s)"
        f" over seeds with a probability of {power:g}"
    )
    _print_runs(configs, missing)
    if dry:
        return
    for number, key in enumerate(missing, start=1):
        print(f"\nrun {number} of {len(missing)}: {key[0]}, seed {key[1]}", flush=True)
        run.run(configs[key])
    values = {
        name: [_hypervolume(configs[name, seed], options["split"]) for seed in range(count)]
        for name in (claim.better, claim.other)
    }
    found = claims.answer(values[claim.better], values[claim.other], alpha)
    _tell(claim, found, values, effect, alpha)
    first = configs[claim.better, 0]
    folder = Path(first["results"]) / first["task"]["name"] / "claims"
    places.make_writable(folder)
    record = {
        "claim": str(claim), "split": options["split"], "trials": first["trials"], "effect": effect,
        "power": power, "alpha": alpha, "values": values, **asdict(found),
    }  # fmt: skip
    path = folder / f"{claim.better}-{claim.other}-{options['split']}.json"
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


def _folder(config: dict[str, Any]) -> Path:
    return places.run_folder(
        config["results"], config["task"]["name"], config["optimizer"], config["seed"]
    )


def _trials(config: dict[str, Any]) -> list[Any]:
    from suite.journal import Journal

    path = _folder(config) / "trials.jsonl"
    return list(Journal(path).read()) if path.exists() else []


def _finished(config: dict[str, Any]) -> bool:
    """Whether the run has its trials; `BadInput` when they were made under another configuration."""
    path = _folder(config) / "config.yaml"
    if not path.exists() or len(_trials(config)) < config["trials"]:
        return False
    before = yaml.safe_load(path.read_text(encoding="utf-8"))
    now = run.stored(spaces.settled(card.pinned(config)), before["inputs"])
    if changed := run.differences(before, now):
        raise BadInput(
            f"{_folder(config)} holds another configuration; different here: {'; '.join(changed)}"
        )
    return True


def _print_runs(configs: Configs, missing: list[tuple[str, int]]) -> None:
    """How many runs there are, and how long the others will take, judged by the journals so far."""
    budget = next(iter(configs.values()))["trials"]
    known = [
        trial.seconds["total"]
        for config in configs.values()
        for trial in _trials(config)
        if trial.status == "ok"
    ]
    left = sum(budget - len(_trials(configs[key])) for key in missing)
    time = f", about {left * median(known) / 60:.0f} minutes" if known and missing else ""
    print(f"         {len(configs) - len(missing)} runs are there, {len(missing)} missing{time}")


def _hypervolume(config: dict[str, Any], split: str) -> float:
    """Of the first `trials` trials on search items, or of the judged front on report items."""
    from suite.journal import records

    if split == "search":
        done = [trial.losses for trial in _trials(config)[: config["trials"]] if trial.losses]
    else:
        lines = records(_folder(config) / "judged.jsonl").read()
        done = [line["losses"] for line in lines if line["split"] == "report"]
        if not done:
            name = config["task"]["name"]
            raise BadInput(f"{_folder(config)}: not judged yet; suite judge task={name}")
    return pareto.hypervolume(done) if done else 0.0


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
