"""Hand tuning by rule: the merges that a careful person tries before any search.

Whoever merges by hand begins with published defaults, then tries one weight for all sources, then two,
then other methods: small grids, each measured on held-out items, the best kept (Ilharco et al. 2023;
Yadav et al. 2023). A search has to be better than that at the same number of candidates. The grids are
`conf/hand_tuning`; they are the same for every task, stated before anything is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.errors import BadInput
from suite.recipes.recipe import Input, Recipe

STAGES = ("published", "one_weight", "two_weights", "ties", "dare_ties", "slerp")
CONTROL = "random_donor"  # how the name of a baseline begins that nobody would take home
METHOD = {"one_weight": "task_arithmetic", "two_weights": "task_arithmetic"}
FIXED: Mapping[str, Mapping[str, Any]] = {
    "task_arithmetic": {"normalize": False},
    "ties": {"normalize": False},
    "dare_ties": {"normalize": False, "rescale": "l1", "seed": 0},
}


@dataclass(frozen=True)
class Tried:
    """One merge of the hand tuning: its number in the order of trying, stage, name and recipe."""

    number: int
    stage: str
    name: str
    recipe: Any


def plan(
    rule: Mapping[str, Any], sources: Sequence[str], base: str, published: Mapping[str, Any]
) -> list[Tried]:
    """The merges to try, stage by stage; equal recipes once, where they come first.

    Parameters
    ----------
    rule : mapping
        ``conf/hand_tuning``: the grids by stage, null or false for a stage that is left out, and
        ``groups``.
    sources : sequence of str
        Names of the task's models but for the base, in its order; two or more.
    base : str
        Name of the untouched base model.
    published : mapping of str to recipe
        The task's baselines; merges among them are tried first, single models and controls are not.

    Returns
    -------
    list of Tried
        Numbered from 0.

    Raises
    ------
    BadInput
        For a rule that is none, or fewer than two sources.

    Examples
    --------
    >>> rule = {"two_weights": {"weights": [0.4, 0.8]}, "groups": None}
    >>> [tried.name for tried in plan(rule, ["ja", "add", "mul"], "base", {})][:2]
    ['task_arithmetic 0.4/0.4', 'task_arithmetic 0.4/0.8']
    """
    if len(sources) < 2:
        raise BadInput(f"hand tuning: {len(sources)} source(s); a merge needs two or more")
    if unknown := sorted(set(rule) - {*STAGES, "groups"}):
        raise BadInput(f"hand_tuning: {unknown[0]!r}; allowed are {', '.join(STAGES)}, groups")
    groups = _groups(rule.get("groups"), sources)
    found: list[Tried] = []
    seen: set[str] = set()
    for stage in STAGES:
        if not rule.get(stage):
            continue
        named = _merges(published) if stage == "published" else _grid(stage, rule, groups, base)
        for name, recipe in named:
            if (key := _merge(recipe)) not in seen:
                seen.add(key)
                found.append(Tried(len(found), stage, name, recipe))
    if not found:
        raise BadInput("hand_tuning: no stage is left; there is nothing to try")
    return found


def stored(rule: Mapping[str, Any], tried: Sequence[Tried], inputs: Any) -> dict[str, Any]:
    """What ``rule.yaml`` holds: the rule, its cost in candidates by stage, the inputs' hashes."""
    stages = {stage: sum(each.stage == stage for each in tried) for stage in STAGES}
    return {"rule": dict(rule), "candidates": len(tried), "stages": stages, "inputs": inputs}


def _groups(groups: Any, sources: Sequence[str]) -> list[list[str]]:
    if groups is None:
        return [[sources[0]], [*sources[1:]]]
    fits = (
        isinstance(groups, list) and len(groups) == 2 and all(isinstance(g, list) for g in groups)
    )
    if not fits or sorted(name for group in groups for name in group) != sorted(sources):
        raise BadInput(
            f"hand_tuning.groups={groups}: must be two lists that hold each source once:"
            f" {', '.join(sources)}"
        )
    return [list(group) for group in groups]


def _merges(published: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, recipe in published.items():
        single = isinstance(recipe, Recipe) and len(recipe.inputs) < 2
        if not single and not name.startswith(CONTROL):
            yield name, recipe


def _grid(
    stage: str, rule: Mapping[str, Any], groups: list[list[str]], base: str
) -> Iterator[tuple[str, Recipe]]:
    grid = rule[stage]
    if stage == "slerp":
        yield from _slerps(groups, _numbers(grid, stage, "t"))
        return
    method, weights = METHOD.get(stage, stage), _numbers(grid, stage, "weights")
    densities = [None] if stage in METHOD else _numbers(grid, stage, "densities")
    for density in densities:
        for first in weights:
            for second in [first] if stage == "one_weight" else weights:
                own = {} if density is None else {"density": density}
                inputs = tuple(
                    Input(name, {"weight": weight, **own})
                    for group, weight in zip(groups, (first, second), strict=True)
                    for name in group
                )
                recipe = Recipe(method, inputs, base, {**FIXED[method], "lambda": 1.0})
                number = f"{first:g}" if stage == "one_weight" else f"{first:g}/{second:g}"
                more = "" if density is None else f", density {density:g}"
                yield f"{method} {number}{more}", recipe


def _merge(recipe: Any) -> str:
    """What tells equal merges: the recipe's digest with λ, which multiplies sums, in the weights."""
    if not isinstance(recipe, Recipe) or not isinstance(recipe.method, str):
        return str(recipe.digest)
    common, weights = (
        recipe.parameters.get("lambda"),
        [i.parameters.get("weight") for i in recipe.inputs],
    )
    normalised = recipe.parameters.get(
        "normalize", recipe.method == "ties"
    )  # the methods' defaults
    sums = recipe.method in FIXED and normalised is False
    if not sums or not all(isinstance(value, float | int) for value in (common, *weights)):
        return recipe.digest
    inputs = sorted(
        (
            Input(i.model, {**i.parameters, "weight": round(float(w) * float(common), 9)})  # type: ignore[arg-type]
            for i, w in zip(recipe.inputs, weights, strict=True)
        ),
        key=lambda each: each.model,  # a sum has no order
    )
    same = {**recipe.parameters, "lambda": 1.0, "normalize": False}
    return Recipe(recipe.method, tuple(inputs), recipe.base, same, recipe.dtype).digest


def _slerps(groups: list[list[str]], shares: Sequence[float]) -> Iterator[tuple[str, Recipe]]:
    first, *others = [name for group in groups for name in group]
    for other in others:
        for t in shares:
            yield (
                f"slerp {first} to {other} {t:g}",
                Recipe("slerp", (Input(first), Input(other)), first, {"t": t}),
            )


def _numbers(grid: Any, stage: str, key: str) -> list[float]:
    values = grid.get(key) if isinstance(grid, Mapping) else None
    if not (isinstance(values, list) and values and all(map(_weight, values))):
        raise BadInput(f"hand_tuning.{stage}.{key}={values}: must list numbers from 0 to 2")
    return [float(v) for v in values]


def _weight(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 2
