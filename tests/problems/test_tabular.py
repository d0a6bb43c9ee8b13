"""The shipped surrogates as tasks: what each split gives, and what the options change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from suite import load_task, resources
from suite.__main__ import main
from suite.assembly import compose
from suite.errors import BadInput
from suite.problems import tabular
from suite.records.journal import Journal
from suite.records.trial import Score
from tests.nonempty import some

DATA = {
    task: resources.ZOO / f"{task}_tabular/surrogate.npz"
    for task in ("ja_math_micro", "ja_vlm_micro")
}
MATHS = DATA["ja_math_micro"]
FIGURES = ("ja_math.acc_ja", "ja_general.em")

COMMANDS = """
import sys
from suite.__main__ import main
from tests.nonempty import some
words = ["task=ja_math_micro_tabular", "results=" + sys.argv[1]]
for command in (["check"], ["run", "optimizer=nsga2", "trials=30"], ["judge"]):
    assert main([command[0], *words, *command[1:]]) == 0
print(sorted({"torch", "transformers", "sklearn"} & set(sys.modules)))
"""


def scores(problem: tabular.Tabular, x: np.ndarray, split: str = "search") -> dict[str, Score]:
    return problem.measure(problem.space.decode(x), split)


def candidates(count: int, d: int = 24) -> np.ndarray:
    return np.random.default_rng(5).random((count, d))


@pytest.mark.parametrize("task", DATA)
def test_the_networks_are_those_that_torch_computes(task: str) -> None:
    torch = pytest.importorskip("torch")
    surrogate = tabular.read(DATA[task])
    X = candidates(20, surrogate.space.d)
    with np.load(DATA[task]) as file:
        for index, found in some(enumerate(surrogate.members(X))):
            hidden = torch.tensor(2 * X - 1)
            for layer in range(3):
                weight, bias = (
                    torch.tensor(file[f"{n}{layer}"][index]) for n in ("weight", "bias")
                )
                hidden = torch.nn.functional.linear(hidden, weight.double().T, bias.double())
                hidden = torch.nn.functional.silu(hidden) if layer < 2 else torch.sigmoid(hidden)
            assert np.allclose(found, hidden.numpy(), atol=1e-9)


@pytest.mark.parametrize("task", DATA)
def test_the_boxes_are_those_of_the_real_task(task: str) -> None:
    real, own = (compose.compose([f"task={name}"]).task for name in (task, f"{task}_tabular"))
    for other, objective in zip(own.objectives, real.objectives, strict=True):
        assert other.metric == f"problem.{objective.metric}"
        for key in ("name", "direction", "ideal", "reference"):
            assert getattr(other, key) == getattr(objective, key)
    assert DATA[task].stat().st_size < 2e6


@pytest.mark.parametrize("task", DATA)
def test_search_draws_outcomes_and_report_gives_the_expected_ones(task: str) -> None:
    problem = tabular.make(DATA[task])
    surrogate = tabular.read(DATA[task])
    gaps = []
    for x in candidates(40, problem.space.d):
        drawn, chosen, report = (
            scores(problem, x, split) for split in ("search", "select", "report")
        )
        assert drawn == scores(problem, x)  # equal settings, equal scores
        expected = surrogate.expected(x[None])[0]
        first = 0
        for figure, n in surrogate.sizes.items():
            items = drawn[figure].items
            assert drawn[figure] == Score.mean(items) and len(items) == n
            assert items != chosen[figure].items
            exact = expected[first : first + n].mean()
            assert report[figure].value == pytest.approx(exact, abs=1e-12)
            assert (report[figure].stderr, report[figure].n, report[figure].items) == (0.0, n, ())
            gaps.append(drawn[figure].value - exact)
            first += n
    assert 0.005 < np.std(gaps) < 0.03 and abs(np.mean(gaps)) < 0.01


def test_the_mean_over_draws_is_the_expected_score() -> None:
    x = candidates(1)[0]
    exact = scores(tabular.make(MATHS), x, "report")
    for figure in FIGURES:
        drawn = [scores(tabular.make(MATHS, draw=draw), x)[figure].value for draw in range(30)]
        assert len(set(drawn)) > 5
        error = np.std(drawn, ddof=1) / np.sqrt(len(drawn))
        assert abs(np.mean(drawn) - exact[figure].value) < 4 * error


def test_near_candidates_share_their_luck_and_far_ones_do_not() -> None:
    problem, surrogate = tabular.make(MATHS), tabular.read(MATHS)
    steps = np.random.default_rng(2).standard_normal((60, 24))
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)

    def unexplained(x: np.ndarray) -> np.ndarray:
        items = [v for figure in FIGURES for v in scores(problem, x)[figure].items]
        return np.array(items) - surrogate.expected(x[None])[0]

    found = {}
    for distance in (0.01, 1.5):
        pairs = [
            (unexplained(x), unexplained(np.clip(x + distance * step, 0, 1)))
            for x, step in zip(candidates(60), steps, strict=True)
        ]
        a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
        found[distance] = np.corrcoef(a, b)[0, 1]
    assert found[0.01] > 0.8 and abs(found[1.5]) < 0.1


def test_a_subset_is_some_of_the_same_items() -> None:
    whole, part = tabular.make(MATHS), tabular.make(MATHS, items=50)
    surrogate, X = tabular.read(MATHS), candidates(3)
    columns = part._items["search"]
    assert [len(c) for c in columns.values()] == [50, 50]
    for x in X:
        every, some = scores(whole, x), scores(part, x)
        together = [v for figure in surrogate.sizes for v in every[figure].items]
        for figure, chosen in columns.items():
            assert some[figure].items == tuple(np.array(together)[chosen])
            assert some[figure].stderr > every[figure].stderr * 1.5
        assert scores(part, x, "report") == scores(whole, x, "report")
        assert some["seconds"].value == pytest.approx(every["seconds"].value / 4)
    other = tabular.make(MATHS, items=50, draw=1)._items["search"]
    assert any((columns[f] != other[f]).any() for f in FIGURES)


def test_without_noise_every_split_is_the_expectation() -> None:
    problem, x = tabular.make(MATHS, noise=False), candidates(1)[0]
    assert scores(problem, x) == scores(problem, x, "report") == scores(problem, x, "select")


def test_tokens_count_each_evaluator_once() -> None:
    found = scores(tabular.make(MATHS), candidates(1)[0])
    assert set(found) == {*FIGURES, "ja_math.tokens", "ja_general.tokens", "seconds"}
    assert found["ja_math.tokens"].value == pytest.approx(19, abs=2)
    assert found["ja_math.tokens"].n == 200 and 0.3 < found["seconds"].value < 2


def test_the_whole_way_needs_no_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMMANDS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_options_are_overrides_of_the_configuration(tmp_path: Path) -> None:
    words = ["task=ja_vlm_micro_tabular", "task.problem.items=20", "optimizer=random", "trials=3"]
    assert main(["run", *words, f"results={tmp_path}"]) == 0
    path = tmp_path / "ja_vlm_micro_tabular/random/seed=0/trials.jsonl"
    trials = Journal(path).read()
    assert [trial.scores["problem.en_vqa.rouge_l"].n for trial in trials] == [20, 20, 20]
    assert load_task("ja_vlm_micro_tabular").m == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"items": 1}, "items is 1; allowed: 2 to 200, or null"),
        ({"items": 201}, "allowed: 2 to 200"),
        ({"items": True}, "items is True"),
        ({"draw": -1}, "draw is -1"),
        ({"noise": "no"}, "noise is no"),
    ],
)
def test_other_options_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        tabular.make(MATHS, **options)  # type: ignore[arg-type]


def test_files_that_are_no_surrogate_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("text")
    np.savez(tmp_path / "other.npz", about=np.array('{"format": 2}'))
    np.savez(tmp_path / "pickled.npz", about=np.array([object()], dtype=object), allow_pickle=True)
    for name in ("text", "other", "pickled"):
        with pytest.raises(BadInput, match="not a surrogate of format 1"):
            tabular.read(tmp_path / f"{name}.npz")
    with pytest.raises(BadInput, match="cannot be read"):
        tabular.read(tmp_path / "missing.npz")


@pytest.mark.parametrize("task", DATA)
def test_weighed_outcomes_and_their_slopes_are_those_of_central_differences(task: str) -> None:
    surrogate = tabular.read(DATA[task])
    X = candidates(3, surrogate.space.d)
    weights = np.random.default_rng(1).random(sum(surrogate.sizes.values()))
    values, slopes = surrogate.weighed(X, weights)
    assert np.allclose(values, surrogate.expected(X) @ weights)
    for column, step in enumerate(1e-5 * np.eye(surrogate.space.d)):
        ahead, behind = (surrogate.expected(X + sign * step) @ weights for sign in (1, -1))
        assert np.allclose(slopes[:, column], (ahead - behind) / 2e-5, atol=1e-5)


def test_other_items_are_those_columns_with_their_levels() -> None:
    surrogate = tabular.read(MATHS)
    random = np.random.default_rng(2)
    chosen = np.concatenate([random.integers(200, size=200), 200 + random.integers(200, size=200)])
    other = surrogate.with_items(chosen)
    X = candidates(4)
    assert np.array_equal(other.expected(X), surrogate.expected(X)[:, chosen])
    assert np.array_equal(other.values, surrogate.values[chosen])
    assert not np.array_equal(surrogate.expected(X), other.expected(X))


@pytest.mark.parametrize("chosen", [np.arange(399), np.arange(400)[::-1], np.zeros(400, int)])
def test_items_of_another_figure_or_number_are_refused(chosen: np.ndarray) -> None:
    with pytest.raises(ValueError, match="of each figure, in order"):
        tabular.read(MATHS).with_items(chosen)
