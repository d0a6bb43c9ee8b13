"""Figures in the prose: file, exact phrase with its figures in braces, and how each is computed again.

A phrase must stand in its file word for word, braces removed and white space told apart from nothing
else; a figure must be what its function returns, to the digits that are shown. Whoever changes a sentence
changes it here too, so that no figure in the prose goes stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.independent import quantities as q

MATHS, PATHS, VLM = "ja_math_micro", "ja_math_micro_dfs", "ja_vlm_micro"
HYBRID, STAGES, SLOTS = "ja_math_micro_hybrid", "ja_math_micro_two_stage", "ja_math_micro_dfs_slots"


@dataclass(frozen=True)
class Figure:
    """A phrase of a file with figures in braces, and the function that returns as many numbers."""

    file: str
    phrase: str
    compute: Callable[[], Sequence[float]]
    off: float = (
        0.0  # what the figure may be off besides rounding, where it is estimated by drawing
    )


def joined(*parts: Callable[[], Sequence[float]]) -> Callable[[], list[float]]:
    """The numbers of several functions one after the other."""
    return lambda: [value for part in parts for value in part()]


def parents(task: str, names: Sequence[str], *objectives: str) -> Callable[[], list[float]]:
    """Scores of several baselines, objective by objective."""
    return lambda: [q.baseline(task, n, o)[0] for o in objectives for n in names]


def paths_row(task: str, strategy: str, trials: int = 100) -> Callable[[], list[float]]:
    """A row of the table of spaces, five seeds: best on search items, chosen on report items, general."""
    return lambda: [
        *q.best_of(task, strategy, "ja_math", trials, 5),
        *q.spread(q.chosen(task, strategy, "best ja_math", "ja_math")),
        q.statistics.median(q.chosen(task, strategy, "best ja_math", "ja_general")),
    ]


def searched(task: str, strategy: str, trials: int = 100) -> Callable[[], list[float]]:
    return lambda: q.best_of(task, strategy, "ja_math", trials, 5)


def surrogate_row(strategy: str) -> Callable[[], list[float]]:
    """Median and how many are resolved to be better, on both surrogates."""
    names = ("ja_math_micro_tabular", "ja_vlm_micro_tabular")
    return lambda: [value for task in names for value in q.better_than(task, strategy)]


def volumes(task: str, *strategies: str) -> Callable[[], list[float]]:
    return lambda: [q.volume(task, s, "search") for s in strategies]


README = [
    Figure("README.md", "| base | | {10.1} | {60.6} |", partial(q.baseline, MATHS, "base")),
    Figure(
        "README.md",
        "| {17.4} / {18.4} / {15.0} | {90.9} / {30.0} / {47.0} |",
        parents(MATHS, ("japanese", "math_add", "math_mul"), "ja_math", "ja_general"),
    ),
    Figure(
        "README.md",
        "| {10.6} / {38.1} | {8.0} / {35.0} | {92.5} / {38.5} |",
        parents(VLM, ("vlm", "japanese"), "ja_vqa", "ja_wild", "en_vqa"),
    ),
]
STUDY = [
    Figure(
        "docs/results.md",
        "ten seeds, {200} trials each, {18,000} merges. No trial failed.",
        lambda: [q.trials(MATHS) / 90, q.trials(MATHS) - q.failures(MATHS)],
    ),
    Figure(
        "docs/ja_vlm_micro.md",
        "`vlm` {7.5} %, `japanese` {28.5}, `task_arithmetic_0.8` {34.9}",
        lambda: [q.metric(VLM, n, "ja_vqa.em") for n in ("vlm", "japanese", "task_arithmetic_0.8")],
    ),
]
VLM_PAGE = [
    Figure(
        "docs/ja_vlm_micro.md",
        f"| `{name}` | | {{{a}}} | {{{b}}} | {{{c}}} |",
        partial(q.baseline, VLM, name),
    )
    for name, a, b, c in (
        ("vlm", 10.6, "8.0", 92.5),
        ("japanese", 38.1, "35.0", 38.5),
        ("base", 14.4, 14.9, 42.9),
    )
]
LAYER_PATHS = (
    [
        Figure("docs/layer-paths.md", phrase, paths_row(task, strategy))
        for task, strategy, phrase in (
            (
                HYBRID,
                "random",
                "| random | {33.0} [{24.0}, {36.0}] | {34.3} [{28.3}, {35.4}] | {76.6} |",
            ),
            (
                HYBRID,
                "cma_es_margin",
                "| {36.5} [{35.5}, {40.0}] | {36.5} [{32.0}, {39.1}] | {77.8} |",
            ),
            (
                HYBRID,
                "nsga2",
                "| NSGA-II | {33.0} [{32.0}, {37.0}] | {33.3} [{32.6}, {35.2}] | {66.5} |",
            ),
            (HYBRID, "tpe", "| TPE | {38.0} [{24.5}, {43.0}] | {35.5} [{21.9}, {41.0}] | {78.2} |"),
            (
                STAGES,
                "nsga2",
                "| NSGA-II | {42.5} [{38.5}, {44.5}] | {40.3} [{35.3}, {44.1}] | {83.3} |",
            ),
            (STAGES, "tpe", "| TPE | {40.0} [{35.5}, {44.5}] | {41.9} [{35.6}, {45.3}] | {82.4} |"),
            (
                SLOTS,
                "random",
                "| random | {9.5} [{6.5}, {13.5}] | {8.4} [{7.1}, {11.4}] | {63.4} |",
            ),
            (SLOTS, "cma_es", "| CMA-ES | {5.0} [{4.0}, {10.0}] | {3.9} [{2.5}, {7.2}] | {51.1} |"),
            (
                SLOTS,
                "nsga2",
                "| NSGA-II | {16.0} [{12.5}, {20.0}] | {16.7} [{11.4}, {17.6}] | {76.0} |",
            ),
            (SLOTS, "tpe", "| TPE | {15.5} [{5.0}, {17.0}] | {14.3} [{1.7}, {14.7}] | {80.7} |"),
        )
    ]
    + [
        Figure("docs/layer-paths.md", phrase, searched(task, strategy))
        for task, strategy, phrase in (
            (MATHS, "random", "| a merge, `ja_math_micro` | random | {40.5} [{39.0}, {42.5}] |"),
            (MATHS, "cma_es", "| CMA-ES | {41.0} [{40.0}, {42.5}] |"),
            (MATHS, "nsga2", "| NSGA-II | {41.5} [{40.5}, {43.5}] |"),
            (MATHS, "tpe", "| TPE | {43.0} [{42.0}, {44.5}] |"),
            (PATHS, "random", "(compact) | random | {31.5} [{28.5}, {32.0}] |"),
            (PATHS, "cma_es_margin", "| CMA-ES with margin | {34.5} [{32.0}, {35.5}] |"),
            (PATHS, "nsga2", "| NSGA-II | {33.5} [{30.5}, {35.5}] |"),
            (PATHS, "tpe", "| TPE | {33.0} [{27.0}, {37.5}] |"),
        )
    ]
    + [
        Figure(
            "docs/layer-paths.md",
            "are {.167} (NSGA-II), {.166} (CMA-ES with margin, TPE) and {.152} (random)",
            volumes(PATHS, "nsga2", "cma_es_margin", "random"),
        ),
        Figure("docs/layer-paths.md", "TPE) and {.152} (random)", volumes(PATHS, "random")),
    ]
)
BOX = [
    Figure(
        "docs/validity.md",
        f"| {label}`{name}` | {{{a}}} | {{{b}}} % | {{{c}}} |",
        partial(q.box, task, name),
    )
    for task, label, name, a, b, c in (
        (MATHS, "`ja_math_micro`: ", "optuna_gp", ".335", 50, ".294"),
        (MATHS, "", "nsga2", ".310", 51, ".268"),
        (MATHS, "", "sms_emoa", ".306", 51, ".265"),
        (MATHS, "", "tpe", ".305", 51, ".257"),
        (MATHS, "", "lambda_grid", ".303", 50, ".264"),
        (MATHS, "", "gde3", ".302", 51, ".260"),
        (MATHS, "", "cma_es", ".301", 52, ".253"),
        (MATHS, "", "random", ".266", 55, ".214"),
        (VLM, "`ja_vlm_micro`: ", "tpe", ".153", 34, ".133"),
        (VLM, "", "cma_es", ".136", 35, ".117"),
        (VLM, "", "nsga2", ".135", 35, ".114"),
        (VLM, "", "random", ".100", 38, ".082"),
    )
] + [
    Figure("docs/validity.md", "{1.000} and {.571} (maths)", lambda: q.base_losses(MATHS)),
    Figure("docs/validity.md", "{.964}, {.967} and {.821} (VLM)", lambda: q.base_losses(VLM)),
    Figure(
        "docs/validity.md",
        "{43} % of the maths box and {23} %",
        lambda: [q.band(MATHS), q.band(VLM)],
    ),
]
SURROGATES = [
    Figure(
        "docs/results.md",
        f"| `{name}` | {{{a}}} [{{{b}}}] | {{{c}}} [{{{d}}}] |",
        surrogate_row(name),
    )
    for name, a, b, c, d in (
        ("optuna_gp", ".335", 0, ".180", 0),
        ("cma_es_random_weights", ".313", 1, ".155", 1),
        ("como_cma_es", ".305", 2, ".151", 1),
        ("cma_es", ".308", 1, ".148", 1),
        ("cma_es_margin", ".300", 4, ".147", 2),
        ("tpe", ".313", 1, ".147", 1),
        ("age_moea", ".309", 1, ".146", 1),
        ("sms_emoa", ".298", 2, ".141", 3),
        ("optuna_nsga2", ".307", 1, ".139", 5),
        ("gde3", ".304", 2, ".138", 5),
        ("nsga3", ".303", 1, ".136", 3),
        ("nsga2", ".311", 1, ".135", 5),
        ("lambda_grid", ".308", 1, ".127", 12),
        ("moead", ".278", 13, ".126", 9),
        ("sobol", ".273", 13, ".117", 13),
        ("random", ".270", 13, ".114", 14),
    )
]
VERDICTS = [
    Figure(
        "docs/validity.md",
        "{54} of {120} pairs are resolved there, {74} on the VLM's surrogate",
        lambda: [
            q.resolved_pairs("ja_math_micro_tabular"),
            len(q.all_pairs("ja_math_micro_tabular", families=False)),
            q.resolved_pairs("ja_vlm_micro_tabular"),
        ],
    ),
    Figure(
        "docs/validity.md",
        "It resolves {37} of {105} pairs",
        lambda: [sum(p < 0.05 for p in q.signed_ranks().values()), len(q.signed_ranks())],
    ),
] + [
    Figure(
        "docs/validity.md",
        f"| {said} | {{{p}}} |",
        lambda a=a, b=b: [q.all_pairs("ja_math_micro_tabular", False)[frozenset((a, b))]],  # type: ignore[misc]
    )
    for said, a, b, p in (
        ("Gaussian processes – CMA-ES", "optuna_gp", "cma_es", ".006"),
        (
            "Gaussian processes – CMA-ES with random weights",
            "optuna_gp",
            "cma_es_random_weights",
            ".057",
        ),
        ("Gaussian processes – TPE", "optuna_gp", "tpe", ".034"),
        (
            "CMA-ES with margin – CMA-ES with random weights",
            "cma_es_margin",
            "cma_es_random_weights",
            ".030",
        ),
    )
]
FUNCTIONS = [
    Figure(
        "docs/results.md",
        f"| `{name}` | {{{rank}}} | {{{share}}} [",
        lambda name=name: [q.mean_rank(name), q.share_of_front(name)],  # type: ignore[misc]
    )
    for name, rank, share in (
        ("optuna_gp", 2.1, ".903"),
        ("como_cma_es", 4.3, ".740"),
        ("cma_es_random_weights", 4.4, ".731"),
        ("tpe", 7.5, ".667"),
        ("nsga2", 8.2, ".696"),
        ("random", 14.5, ".536"),
    )
]
FIGURES = [*README, *STUDY, *VLM_PAGE, *LAYER_PATHS, *BOX, *SURROGATES, *VERDICTS, *FUNCTIONS]
