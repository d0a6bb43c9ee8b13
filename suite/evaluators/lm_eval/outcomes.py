"""Each document's value of an lm-eval metric, so that models can be compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from suite.errors import BadInput
from suite.evaluators.lm_eval import model

# Aggregations of all documents that no mean over them gives.
WHOLE = (
    "bypass",
    "median",
    "perplexity",
    "weighted_perplexity",
    "bits_per_byte",
    "f1",
    "matthews_corrcoef",
)

Direction = Literal["maximize", "minimize"]
Outcome = tuple[dict[str, Any], float]


def check(task: Any, metric: str, evaluator: str) -> None:
    """Refuse a metric that has no value for a document alone, such as perplexity."""
    key = metric.partition(",")[0]
    if (called := _aggregation(task, key)[0]) in WHOLE:
        raise BadInput(
            f"evaluator {evaluator!r}: metric {key!r} is a figure of all documents together"
            f" ({called}); a mean over items is wanted"
        )


def direction(task: Any, metric: str) -> Direction | None:
    """Which way is better by lm-eval; None where it does not say."""
    better = task.higher_is_better().get(metric.partition(",")[0])
    return None if better is None else "maximize" if better else "minimize"


def of(task: Any, logged: Sequence[dict[str, Any]], metric: str, evaluator: str) -> list[Outcome]:
    """Each document's sample and its value of ``metric[,filter]``, in the order of the documents.

    `logged` are lm-eval's samples, one per document and filter. Where lm-eval takes the mean, the
    value is lm-eval's own; where it computes a figure of all documents, it does so of each alone.
    """
    key, _, wanted = metric.partition(",")
    filters = list(dict.fromkeys(sample["filter"] for sample in logged))
    if wanted not in filters and (wanted or len(filters) > 1):
        raise BadInput(
            f"evaluator {evaluator!r}: metric {metric!r} names no filter of the task;"
            f" give {key},FILTER with one of {', '.join(filters)}"
        )
    kept = [sample for sample in logged if not wanted or sample["filter"] == wanted]
    kept.sort(key=lambda sample: int(sample["doc_id"]))
    if key not in kept[0]["metrics"]:
        raise BadInput(
            f"evaluator {evaluator!r}: no metric {key!r}; the task gives"
            f" {', '.join(kept[0]['metrics'])}"
        )
    called, function = _aggregation(task, key)
    alone = called not in ("mean", "nanmean")
    try:
        with model.fair():
            values = [function([s[key]]) if alone else s[key] for s in kept]
        return [(sample, float(value)) for sample, value in zip(kept, values, strict=True)]
    except (TypeError, ValueError, LookupError):
        raise BadInput(f"evaluator {evaluator!r}: metric {key!r} has no number per item") from None


def _aggregation(task: Any, key: str) -> tuple[str, Any]:
    """lm-eval's name of the function that makes a figure of all documents, and the function."""
    from lm_eval.api.registry import AGGREGATION_REGISTRY

    known: Mapping[str, Any] = AGGREGATION_REGISTRY
    found = task.aggregation().get(key, known["mean"])
    return next((name for name, each in known.items() if each is found), "its own"), found
