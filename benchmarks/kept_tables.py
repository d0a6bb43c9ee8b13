"""The tables of docs/tabular and docs/analytic, made again from every run's final hypervolume.

    python benchmarks/kept_tables.py [--out docs]

Of the journals those of one seed are kept (docs/archives); docs/*/runs.csv has each run's final
hypervolume and its share of the reference front's. From these alone follow medians, ranks, comparisons
within families, and what is resolved across tasks: the files beside runs.csv, as `suite report` makes them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from suite.report.load.controls import CONTROLS
from suite.report.load.results import SEARCH
from suite.report.page import overview
from suite.report.rows.across import AcrossRow, across_rows, pair_rows, ranked
from suite.report.rows.comparisons import ComparisonRow, Ends, compared
from suite.report.rows.instances import Instance, TaskRow, task_rows
from suite.report.rows.tables import write_csv
from suite.statistics.families import extended
from suite.statistics.ranks import PairRow, Ranking

DOCS = Path(__file__).resolve().parents[1] / "docs"


def instances(path: Path) -> list[Instance]:
    """A task each, from the rows of runs.csv."""
    final: dict[str, dict[str, dict[int, float]]] = {}
    reference: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = final.setdefault(row["task"], {}).setdefault(row["optimizer"], {})
            own[int(row["seed"])] = float(row["hypervolume"])
            if float(row["hypervolume"]) > 0:
                reference[row["task"]] = float(row["hypervolume"]) / float(row["share"])
    return [_instance(task, runs, reference[task]) for task, runs in final.items()]


def _instance(task: str, runs: dict[str, dict[int, float]], reference: float) -> Instance:
    families = extended((), runs, CONTROLS, SEARCH)
    rows = compared(Ends(runs), families)
    return Instance(task, Path(), runs, reference, {}, 0, rows, SEARCH, runs)


def main() -> None:
    """Write the tables of both studies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS)
    options = parser.parse_args()
    for study in ("tabular", "analytic"):
        found, out = instances(DOCS / study / "runs.csv"), options.out / study
        out.mkdir(parents=True, exist_ok=True)
        write_csv(out / "tasks.csv", TaskRow, task_rows(found))
        write_csv(out / "across.csv", AcrossRow, across_rows(found))
        if study == "tabular":
            for each in found:
                name = f"{each.task}_comparisons.csv"
                write_csv(out / name, ComparisonRow, each.comparisons)
        else:
            write_csv(out / "pairs.csv", PairRow, pair_rows(found))
            ranking = ranked(found)
            assert isinstance(ranking, Ranking)
            overview.draw_ranks(found, ranking, out)
        print(f"{out}: {len(found)} tasks")


if __name__ == "__main__":
    main()
