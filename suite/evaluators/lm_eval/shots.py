"""Few-shot examples of lm-eval's tasks: the same for every candidate, never what is scored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from suite.errors import BadInput
from suite.evaluators.lm_eval import documents
from suite.evaluators.lm_eval.documents import Key
from suite.evaluators.lm_eval.model import SEED


class DrawnExamples:
    """Stands in for a sampler of lm-eval: the examples of each document in turn, drawn beforehand."""

    def __init__(self, drawn: Sequence[Sequence[Any]]) -> None:
        self._drawn, self._turn = drawn, 0

    def set_rnd(self, _: int | None) -> DrawnExamples:
        """Begin again with the first document."""
        self._turn = 0
        return self

    def sample(self, n: int, eval_doc: Any = None, **_: Any) -> Sequence[Any]:
        found = self._drawn[self._turn % len(self._drawn)]
        self._turn += 1
        return found


def draw(task: Any, forbidden: Collection[Key], where: str) -> None:
    """Draw the examples of all of `task.eval_docs` as lm-eval would, but none that asks one of `forbidden`.

    As long as one does, it is taken from what is drawn from and all are drawn again: where none does,
    they are lm-eval's own. `BadInput` when too few are left.
    """
    count = task.config.num_fewshot or 0
    if not count:
        return
    pool = task.sampler.fewshot_docs()
    bad: dict[int, bool] = {}
    while True:
        drawn = _drawn(task, count, len(pool), where)
        for doc in (doc for examples in drawn for doc in examples):
            if id(doc) not in bad:
                bad[id(doc)] = _asks(task, doc, forbidden)
        kept = [doc for doc in pool if not bad.get(id(doc))]
        if len(kept) == len(pool):
            break
        task.sampler.replace_df(kept)
        pool = kept
    if any(bad[id(doc)] for examples in drawn for doc in examples):
        raise BadInput(f"{where}: its few-shot examples are among the documents that are scored")
    task.sampler = DrawnExamples(drawn)


def _drawn(task: Any, count: int, left: int, where: str) -> list[list[Any]]:
    # lm-eval's condition for leaving the document itself out, in `ConfigurableTask.fewshot_context`.
    same = task.fewshot_cfg.split == task.config.test_split
    task.set_fewshot_seed(SEED)
    try:
        return [
            list(task.sampler.sample(n=count, eval_doc=doc if same else None))
            for doc in task.eval_docs
        ]
    except (AssertionError, ValueError):
        raise BadInput(
            f"{where}: {count} few-shot examples are wanted, and there are {left} documents to draw"
            " from that are not scored"
        ) from None


def _asks(task: Any, doc: Any, forbidden: Collection[Key]) -> bool:
    from jinja2 import TemplateError

    try:
        return documents.asked(task, doc) in forbidden
    except (TemplateError, LookupError, TypeError):  # an example of another kind than the documents
        return False
