"""`suite check`: prove, before anything is searched, that a task is complete."""

from __future__ import annotations

from suite.commands import assemble, compose


def main(words: list[str]) -> None:
    """Build the task of ``task=…`` and its baselines; print what it consists of, or fail with the reason."""
    config = compose.compose(words[1:])
    task = assemble.task(config)
    baselines = assemble.baselines(config)
    print(f"{task.name}: {task.space.d} parameters, {task.merge_space.method} over")
    print(f"  models      {', '.join(config['task']['models'])}")
    for evaluator in task.evaluators:
        splits = getattr(evaluator, "splits", {})
        sizes = ", ".join(f"{split} {len(items)}" for split, items in splits.items())
        print(f"  evaluator   {evaluator.name}: {sizes}")
    for objective in task.objectives:
        print(
            f"  objective   {objective.name}: {objective.direction} {objective.metric},"
            f" ideal {objective.ideal}, reference {objective.reference}"
        )
    print(f"  baselines   {', '.join(baselines)}")
    print("complete; splits are disjoint")
