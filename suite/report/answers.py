"""What the page shows besides numbers: answers side by side, and what the runs were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suite.report.headline import best_baseline
from suite.report.results import Judged, Results, Sample


@dataclass(frozen=True)
class Question:
    """One report item and the answers of several models to it, as (model, sample) pairs."""

    prompt: str
    expected: str
    replies: tuple[tuple[str, Sample], ...]


@dataclass(frozen=True)
class CardLine:
    """One fact about the runs; several `values` where they differ, with how many runs have each."""

    key: str
    values: tuple[tuple[str, int], ...]


def side_by_side(results: Results) -> list[Question]:
    """The best chosen merge's answers beside the best hand-tuned merge's and the single models'.

    The best is the chosen merge with the least first loss on the report items. Questions come in
    the order they were recorded in, none left out; a model that lacks one is left out of it.
    """
    merges = [(c.losses[0], r, c) for r in results.runs if (c := r.chosen) and c.samples]
    if not merges:
        return []
    _, run, best = min(merges, key=lambda found: (found[0], found[1].optimizer, found[1].seed))
    models: list[tuple[str, Judged]] = [(f"{run.optimizer}, seed {run.seed}, {best.name}", best)]
    tuned = best_baseline(results)
    models += [(tuned.name, tuned)] if tuned else []
    models += [(b.name, b) for b in results.baselines if b.unmerged]
    replies = [(name, _numbered(model.samples)) for name, model in models]
    return [
        Question(
            prompt=sample.prompt,
            expected=sample.expected,
            replies=tuple((name, found[key]) for name, found in replies if key in found),
        )
        for key, sample in replies[0][1].items()
    ]


def _numbered(samples: tuple[Sample, ...]) -> dict[tuple[str, str, int], Sample]:
    """Samples by question; the same question asked again is another one."""
    found: dict[tuple[str, str, int], Sample] = {}
    for sample in samples:
        again = sum(key[:2] == (sample.prompt, sample.expected) for key in found)
        found[sample.prompt, sample.expected, again] = sample
    return found


def run_card(results: Results) -> list[CardLine]:
    """Every fact of the runs' cards, by dotted key, with the values it takes over the runs."""
    counts: dict[str, dict[str, int]] = {}
    for run in results.runs:
        for key, value in _flat(run.card).items():
            values = counts.setdefault(key, {})
            values[value] = values.get(value, 0) + 1
    return [CardLine(key, tuple(sorted(values.items()))) for key, values in sorted(counts.items())]


def _flat(card: Mapping[str, Any], above: str = "") -> dict[str, str]:
    found = {}
    for key, value in card.items():
        name = f"{above}{key}"
        found.update(_flat(value, f"{name}.") if isinstance(value, dict) else {name: str(value)})
    return found
