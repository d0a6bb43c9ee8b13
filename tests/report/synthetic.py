"""Realistic synthetic results, for tests and for looking at the page.

python tests/report/synthetic.py FOLDER [pictures]     four optimizers, five seeds, 200 trials
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pictured
import yaml

from suite.objective import Objective, losses
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Recipe
from suite.records.trial import Score, Trial
from suite.statistics import choice, pareto

TASK = "ja_math_micro"
OBJECTIVES = (
    Objective("ja_math", "maths.right_ja", "maximize", 0.9, 0.3, "share"),
    Objective("ja_general", "general.accuracy", "maximize", 0.9, 0.4, "share"),
    Objective("en_math", "maths_en.right", "maximize", 1.0, 0.2, "share"),
)
SAMPLES = 4  # answers of every evaluator
DEPTH = Objective("depth", "cost.hops", "minimize", 6, 24, "layers")
# How fast each closes in on the best merges, and how good those it ends with are.
SKILL = {"random": (0.0, 0.0), "cmaes": (3.0, 0.9), "nsga2": (1.8, 0.85), "tpe": (2.4, 0.95)}
BASELINES = {  # name: (quality, place on the trade-off)
    "base": (0.15, 0.6),
    "parent_ja": (0.12, 0.9),
    "parent_maths_1": (0.10, 0.1),
    "parent_maths_2": (0.05, 0.2),
    "uniform": (0.62, 0.5),
    "task_arithmetic_0.3": (0.60, 0.7),
    "task_arithmetic_0.4": (0.66, 0.45),
    "task_arithmetic_0.7": (0.30, 0.2),
    "task_arithmetic_1.0": (0.05, 0.1),
    "ties_0.2": (0.58, 0.55),
    "ties_0.5": (0.45, 0.3),
    "dare_ties_0.5": (0.40, 0.35),
    "dare_ties_0.2": (0.50, 0.6),
    "slerp_0.5": (0.55, 0.4),
    "gradient_slerp": (0.57, 0.65),
    "random_donor": (0.10, 0.5),
}


def objectives(m: int, paths: bool) -> tuple[Objective, ...]:
    """Of a task with `m` objectives; of paths the third is depth."""
    return (*OBJECTIVES[:2], DEPTH)[:m] if paths else OBJECTIVES[:m]


def rates(quality: float, place: float, m: int) -> list[float]:
    """True share of right answers per objective; `place` in [0, 1] trades the first for others."""
    first = 0.2 + 0.55 * quality * (1 - 0.45 * place**2)
    second = 0.42 + 0.40 * quality * (1 - 0.6 * (1 - place) ** 2)
    third = 0.25 + 0.65 * quality * (1 - 0.5 * abs(place - 0.3))
    return [first, second, third][:m]


def measure(
    shares: Sequence[float], ease: np.ndarray, rng: np.random.Generator
) -> dict[str, Score]:
    """Outcomes on items of fixed ease (m, n), so that models agree on which items are hard."""
    scores = {}
    for objective, share, items in zip(OBJECTIVES, shares, ease, strict=False):
        noise = 0.7 * items + 0.3 * rng.random(items.size)
        cut = np.quantile(0.7 * items + 0.3 * rng.random(items.size), share)
        scores[objective.metric] = Score.mean((noise < cut).astype(float).tolist())
    return scores


def write(
    results: Path,
    *,
    optimizers: Sequence[str] = tuple(SKILL),
    seeds: int = 5,
    trials: int = 200,
    m: int = 2,
    judged: bool = True,
    baselines: Mapping[str, tuple[float, float]] = BASELINES,
    items: tuple[int, int] = (200, 800),
    task: str = TASK,
    paths: bool = False,
    pictures: bool = False,
    tuned: bool = False,
) -> None:
    """Write the results of one task; `items` counts those of the search and the report split.

    With `paths` the trials are layer paths over a merge and a model, and a third objective is depth.
    With `tuned` the task is tuned by hand: three of the baselines, the cost three candidates. With
    `pictures` the sample answers are about pictures, recorded as `judge` records them.
    """
    rng = np.random.default_rng(20)
    ease = {"search": rng.random((m, items[0])), "report": rng.random((m, items[1]))}
    ease["select"] = np.random.default_rng(21).random((m, items[0]))
    for optimizer in optimizers:
        for seed in range(seeds):
            folder = results / task / optimizer / f"seed={seed}"
            folder.mkdir(parents=True)
            own = np.random.default_rng([seed, sum(map(ord, optimizer))])
            _write_run(folder, task, optimizer, seed, trials, m, judged, ease, own, paths)
    if judged:
        lines = []
        for name, at in baselines.items():
            recipe = _baseline(name, paths)
            scores = _scored(measure(rates(*at, m), ease["report"], rng), recipe, m, paths)
            lines.append(_line("baseline", name, None, "report", recipe, scores, m, paths))
        folder = results / task / "baselines"
        folder.mkdir(parents=True)
        _write_lines(folder / "judged.jsonl", lines)
    if tuned:
        _write_tuned(results / task / "hand_tuned", ease, rng, m)
    if pictures:
        for path in (results / task).rglob("judged.jsonl"):
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            _write_lines(path, pictured.lines(lines))


def _write_tuned(
    folder: Path, ease: Mapping[str, np.ndarray], rng: np.random.Generator, m: int
) -> None:
    """A hand tuning that tried three merges in two stages, and kept each of them for report items."""
    names = ("task_arithmetic_0.3", "task_arithmetic_0.4", "ties_0.2")
    lines = []
    for split in ("select", "report"):
        for number, name in enumerate(names):
            recipe = _recipe(["ja", "maths_1"], "base")
            scores = measure(rates(*BASELINES[name], m), ease[split], rng)
            lines.append(
                _line("hand_tuned", f"tried {name}", number, split, recipe, scores, m, False)
            )
    folder.mkdir(parents=True)
    _write_lines(folder / "judged.jsonl", lines)
    rule = {"candidates": 3, "stages": {"published": 0, "one_weight": 2, "ties": 1}}
    (folder / "rule.yaml").write_text(yaml.safe_dump(rule), encoding="utf-8")


def _write_run(
    folder: Path, task: str, optimizer: str, seed: int, trials: int, m: int,
    judged: bool, ease: Mapping[str, np.ndarray], rng: np.random.Generator, paths: bool,
) -> None:  # fmt: skip
    config = {
        "task": {
            "name": task,
            "base": "base",
            "objectives": [o.__dict__ for o in objectives(m, paths)],
        },
        "optimizer": optimizer,
        "seed": seed,
        "trials": trials,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    card = {
        "git": {"commit": "0123abc", "dirty": False},
        "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
        "device": "cpu",
        "items": {"search": "sha256:11aa", "report": "sha256:22bb"},
        "seed": seed,
    }
    (folder / "environment.json").write_text(json.dumps(card), encoding="utf-8")
    rate, top = SKILL.get(optimizer, (0.0, 0.0))
    made, truth = [], []
    for number in range(trials):
        pull = (1 - np.exp(-rate * number / trials)) * top
        quality = float(np.clip(pull + (1 - pull) * rng.beta(1.6, 3.2), 0, 1))
        truth.append((quality, float(rng.random())))
        made.append(_trial(number, rates(*truth[-1], m), ease["search"], m, rng, paths))
    text = "".join(trial.to_line() + "\n" for trial in made)
    (folder / "trials.jsonl").write_text(text, encoding="utf-8")
    if judged:
        F = np.array([t.losses or (np.nan,) * m for t in made])
        front = set(pareto.front(F).tolist())
        lines = []

        def judge(n: int, split: str) -> Sequence[float]:
            recipe = made[n].recipe if paths else _recipe(["ja", "maths_1"], "base")
            scores = _scored(measure(rates(*truth[n], m), ease[split], rng), recipe, m, paths)
            lines.append(_line("front", f"trial {n}", n, split, recipe, scores, m, paths))
            return list(lines[-1]["losses"])

        select = {n: judge(n, "select") for n in choice.candidates(F)}
        names = [objective.name for objective in objectives(m, paths)]
        for n in sorted(front | set(choice.choose(select, names).values())):
            judge(n, "report")
        _write_lines(folder / "judged.jsonl", lines)


def _trial(
    number: int, shares: list[float], ease: np.ndarray, m: int, rng: np.random.Generator,
    paths: bool,
) -> Trial:  # fmt: skip
    x = tuple(rng.random(4).tolist())
    recipe = _path(rng) if paths else _recipe(["ja", "maths_1", "maths_2"], "base")
    if rng.random() < 0.02:
        return Trial(number, x, recipe, "failed", "MergeFailure: NaN weights", {}, (), {})
    scores = _scored(measure(shares, ease, rng), recipe, m, paths)
    scores["maths.tokens"] = Score(8.0 + number % 5 / 10, 0.1, ease.shape[1])
    merge, evaluate = 0.02 + 0.01 * rng.random(), 1.1 + 0.3 * rng.random()
    return Trial(
        number, x, recipe, "ok", None, scores, tuple(losses(objectives(m, paths), scores).tolist()),
        {"merge": merge, "evaluate": evaluate, "total": merge + evaluate},
    )  # fmt: skip


def _line(
    source: str,
    name: str,
    number: int | None,
    split: str,
    recipe: Mapping[str, Any],
    scores: dict[str, Score],
    m: int,
    paths: bool,
) -> dict[str, Any]:
    return {
        "source": source,
        "name": name,
        "number": number,
        "recipe": recipe,
        "split": split,
        "scores": {metric: score.to_json() for metric, score in scores.items()},
        "losses": losses(objectives(m, paths), scores).tolist(),
        "samples": [] if split == "select" else [
            _sample(place, k, score.items[k])
            for place, score in enumerate(scores.values())
            for k in range(min(SAMPLES, len(score.items)))
        ],
    }  # fmt: skip


def _scored(
    scores: dict[str, Score], recipe: Mapping[str, Any], m: int, paths: bool
) -> dict[str, Score]:
    """`scores`, of paths with the depth instead of the third share."""
    if not paths or m < 3:
        return scores
    depth = Score(float(len(recipe.get("hops", range(6)))), 0.0, 1)
    return {**{o.metric: scores[o.metric] for o in OBJECTIVES[:2]}, DEPTH.metric: depth}


def _baseline(name: str, paths: bool) -> dict[str, Any]:
    if name == "base" or name.startswith("parent"):
        return _recipe([name], None)
    if paths and name == "uniform":  # a frankenmerge
        return LayerPath("ja", tuple(Hop("ja", k) for k in (0, 1, 2, 1, 2, 3, 4, 5))).to_json()
    return _recipe(["ja", "maths_1"], "base")


def _path(rng: np.random.Generator) -> dict[str, Any]:
    """Six layers over a merge and a model, some run twice, some scaled."""
    merge = Recipe.from_json(_recipe(["ja", "maths_1"], "base"))
    hops = []
    for layer in range(6):
        for part in (("blend",), ("ja",), ("blend", "ja"))[rng.integers(3)]:
            scale = 1.0 if not hops or rng.random() < 0.2 else round(rng.uniform(0.4, 1.5), 12)
            hops.append(Hop(part, layer, float(scale)))
    return LayerPath("blend", tuple(hops), {"blend": merge}).to_json()


def _recipe(models: list[str], base: str | None) -> dict[str, Any]:
    return {
        "method": "task_arithmetic" if base else "linear",
        "inputs": [{"model": model, "parameters": {"weight": 0.4}} for model in models],
        "base": base,
        "parameters": {},
        "dtype": "float32",
    }


def _sample(place: int, k: int, outcome: float) -> dict[str, Any]:
    """Item `k` of the evaluator at `place`; its prompt is that evaluator's alone."""
    total = 12 + 3 * k + (0 if outcome else 2)
    answer = "答え は" if outcome or k % 2 else "the answer is"
    return {
        "prompt": f"花子 さん は {('りんご', 'みかん', 'かき')[place]} を {7 + k} 個 持って います 。"
        f" 太郎 さん から {5 + 2 * k} 個 もらいました 。 全部 で 何 個 です か 。",
        "reply": f"{7 + k} + {5 + 2 * k} = {total} ; {answer} {total} 個 です 。",
        "expected": str(12 + 3 * k),
        "outcome": outcome,
    }


def _write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), pictures="pictures" in sys.argv[2:])
