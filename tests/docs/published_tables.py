"""The tables of README and docs/results.md, made from the committed CSV files of docs/report.

python tests/docs/published_tables.py      prints them, to be pasted
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {
    "optuna_gp": "Gaussian processes",
    "cma_es": "CMA-ES (scalarised)",
    "cma_es_margin": "CMA-ES with margin",
    "nsga2": "NSGA-II",
    "sms_emoa": "SMS-EMOA",
    "gde3": "GDE3",
    "tpe": "TPE",
    "lambda_grid": "λ grid",
    "random_sources": "random over sources",
    "random": "random",
}
STAGES = {
    "published": "shipped baselines",
    "one_weight": "one weight",
    "two_weights": "two weights",
    "ties": "TIES",
    "dare_ties": "DARE-TIES",
    "slerp": "SLERP",
}
Row = dict[str, str]


def table(task: str, name: str) -> list[Row]:
    """Rows of a CSV file of a task's report."""
    with (DOCS / "report" / task / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def short(value: str) -> str:
    """Three decimals without the leading zero."""
    return f"{float(value):.3f}".replace("-", "−").replace("0.", ".", 1)


def change(value: str) -> str:
    return f"{float(value):+.3f}".replace("-", "−").replace("0.", ".", 1)


def points(share: str) -> str:
    return f"{100 * float(share):.1f}"


def gain(row: Row) -> str:
    """A mean gain in points with its interval."""
    signed = [f"{100 * float(row[k]):+.1f}" for k in ("gain", "gain_low", "gain_high")]
    return "{} [{}, {}]".format(*signed).replace("-", "−")


def spread(row: Row) -> str:
    """The median of the seeds; their range."""
    seeds = row["values"].split()
    return (
        f"{points(row['median'])}; {points(min(seeds, key=float))}–{points(max(seeds, key=float))}"
    )


def sure(row: Row) -> str:
    """The median and its 95 % interval."""
    return f"{short(row['median'])} [{short(row['low'])}, {short(row['high'])}]"


def indicators(task: str) -> dict[tuple[str, str], Row]:
    return {(row["optimizer"], row["indicator"]): row for row in table(task, "strategies")}


def ordered(task: str) -> list[str]:
    """Strategies by median hypervolume on report items."""
    rows = {o: row for (o, i), row in indicators(task).items() if i == "report_hypervolume"}
    return sorted(rows, key=lambda optimizer: -float(rows[optimizer]["median"]))


def chosen(task: str, rule: str) -> dict[tuple[str, str], Row]:
    """The chosen merges at the runs' end, by optimizer and objective."""
    rows = (r for r in table(task, "summary") if (r["rule"], r["at_cost"]) == (rule, "False"))
    return {(row["optimizer"], row["objective"]): row for row in rows}


def stages(task: str, rule: str, objectives: list[str]) -> list[tuple[str, str, str, list[str]]]:
    """Stage, candidates, merge and scores wherever a stage took another merge home."""
    found: list[tuple[str, str, str, list[str]]] = []
    rows = [row for row in table(task, "hand_tuned") if row["rule"] == rule]
    for stage in dict.fromkeys(row["stage"] for row in rows):
        own = {row["objective"]: row for row in rows if row["stage"] == stage}
        first = own[objectives[0]]
        if not found or found[-1][2] != first["merge"]:
            scores = [points(own[objective]["score"]) for objective in objectives]
            found.append((STAGES[stage], first["candidates"], first["merge"], scores))
    return found


def readme(task: str, first: str, objectives: list[str]) -> list[str]:
    """Hand tuning by stage, then every strategy's chosen merges against it."""
    rule, found = f"best {first}", chosen(task, f"best {first}")
    ends, cost = indicators(task), table(task, "hand_tuned")[-1]["candidates"]
    control = {row["control"]: row for row in table(task, "controls")}["hand tuning by rule"]
    steps = stages(task, rule, objectives)
    rows = []
    for stage, candidates, merge, scores in steps:
        last = (stage, merge) == (steps[-1][0], steps[-1][2])
        mark = "**" if last else ""
        spent = candidates if not last or candidates == cost else f"{candidates} of {cost}"
        cells = " | ".join(f"{mark}{score}{mark}" for score in scores)
        end = f"{short(control['hypervolume'])}, – |" if last else "|"
        label = f"{mark}hand-tuned, {stage}: `{merge}`{mark}"
        rows.append(f"| {label} | {spent} | {cells} | | {end}")
    for optimizer in ordered(task):
        own = [found[optimizer, objective] for objective in objectives]
        cells = " | ".join([spread(own[0]), *(points(row["median"]) for row in own[1:])])
        report, search = (
            short(ends[optimizer, name]["median"]) for name in ("report_hypervolume", "hypervolume")
        )
        trials = own[0]["trials"]
        rows.append(
            f"| {NAMES[optimizer]} | {trials} | {cells} | {gain(own[0])} | {report}, {search} |"
        )
    return rows


def tuning(task: str, objectives: list[str]) -> list[str]:
    """Every rule's merges by stage."""
    rules = dict.fromkeys(row["rule"] for row in table(task, "hand_tuned"))
    return [
        f"| {rule} | {stage} | {candidates} | `{merge}` | {' | '.join(scores)} |"
        for rule in rules
        for stage, candidates, merge, scores in stages(task, rule, objectives)
    ]


def study() -> list[str]:
    """The reference study, strategy by strategy."""
    task = "ja_math_micro"
    ends, best, useful = indicators(task), chosen(task, "best ja_math"), chosen(task, "utility")
    fronts = {row["optimizer"]: row for row in table(task, "front_gains")}
    times = {(row["optimizer"], row["target"]): row["median"] for row in table(task, "runtimes")}
    rows = []
    for o in ordered(task):
        reached = " / ".join(
            "–" if times[o, t] == "inf" else str(math.ceil(float(times[o, t])))
            for t in ("0.8", "0.9")
        )
        beyond = [change(fronts[o][key]) for key in ("gain", "low", "high")]
        rows.append(
            f"| {NAMES[o]} (`{o}`) | {sure(ends[o, 'report_hypervolume'])}"
            f" | {beyond[0]} [{beyond[1]}, {beyond[2]}] | {short(ends[o, 'hypervolume']['median'])}"
            f" | {short(ends[o, 'igd_plus']['median'])} | {reached} | {spread(best[o, 'ja_math'])}"
            f" | {points(best[o, 'ja_general']['median'])}"
            f" | {points(useful[o, 'ja_math']['median'])}, {points(useful[o, 'ja_general']['median'])} |"
        )
    return rows


def others(task: str, first: str) -> list[str]:
    """A strategy's hypervolumes and chosen merges on another task."""
    ends, best = indicators(task), chosen(task, f"best {first}")
    return [
        f"| {NAMES[o]} (`{o}`) | {sure(ends[o, 'report_hypervolume'])} | {sure(ends[o, 'hypervolume'])}"
        f" | {spread(best[o, first])} |"
        for o in ordered(task)
    ]


MATHS, VLM = ["ja_math", "ja_general"], ["ja_vqa", "ja_wild", "en_vqa"]
if __name__ == "__main__":
    for lines in (
        readme("ja_math_micro", "ja_math", MATHS),
        readme("ja_vlm_micro", "ja_vqa", VLM),
        tuning("ja_math_micro", MATHS),
        study(),
        others("ja_math_micro_dfs", "ja_math"),
        others("ja_vlm_micro", "ja_vqa"),
    ):
        print(*lines, "", sep="\n")
