"""SMM-Bench's layout with small boosters: values are LightGBM's own, pickles are refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from suite.__main__ import main
from suite.assembly import compose, problems
from suite.errors import BadInput
from suite.problems import smm_bench
from suite.records.journal import Journal

lgb = pytest.importorskip("lightgbm")

FEATURES = {"ps": 64, "dfs": 95}


def boosters(features: int, shift: float, categorical: int = 0) -> object:
    """Three small boosters, as cross-validation leaves them."""
    random = np.random.default_rng(features)
    X = random.random((200, features))
    X[:, :categorical] = random.integers(3, size=(200, categorical))
    y = X[:, 0] - 0.5 * X[:, -1] + shift
    chosen = list(range(categorical)) or "auto"
    found = lgb.CVBooster()
    for seed in range(3):
        data = lgb.Dataset(X, y, categorical_feature=chosen)
        options = {"verbose": -1, "num_leaves": 7, "seed": seed, "bagging_fraction": 0.7}
        found.boosters.append(lgb.train({**options, "bagging_freq": 1}, data, 12))
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The model files of both benchmarks, as `lightgbm.CVBooster.save_model` writes them."""
    root = tmp_path_factory.mktemp("surrogate")
    for kind, features in FEATURES.items():
        (root / kind).mkdir()
        for shift, head in enumerate(("train_acc_ja", "test_acc_ja")):
            made = boosters(features, 0.3 * shift, 32 if kind == "dfs" else 0)
            made.save_model(root / kind / f"{head}_best_model.json")  # type: ignore[attr-defined]
    return {kind: root / kind for kind in FEATURES}


@pytest.mark.parametrize("kind", FEATURES)
def test_values_are_those_of_the_library_alone(kind: str, folders: dict[str, Path]) -> None:
    problem = smm_bench.make(kind, folders[kind])
    assert problem.space.d == FEATURES[kind]
    random = np.random.default_rng(1)
    values = {"search": [], "report": []}
    for x in random.random((30, problem.space.d)):
        settings = problem.space.decode(x)
        row = np.array([[float(v) for v in settings.values()]])
        for split, head in (("search", "train_acc_ja"), ("report", "test_acc_ja")):
            alone = lgb.CVBooster(folders[kind] / f"{head}_best_model.json")
            wanted = np.clip(np.mean(alone.predict(row)), 0, 1)
            score = problem.measure(settings, split)["acc_ja"]
            assert score.value == pytest.approx(wanted, abs=1e-12) and score.stderr == 0
            values[split].append(score.value)
    assert np.std(values["search"]) > 0.05 and min(values["search"]) == 0  # some are cut
    assert np.mean(values["report"]) > np.mean(values["search"])


def test_the_spaces_are_the_published_ones() -> None:
    ps, dfs = smm_bench.SPACES["ps"], smm_bench.SPACES["dfs"]
    assert {(p.kind, p.low, p.high) for p in ps} == {("float", 0.0, 1.0)}
    assert [p.kind for p in dfs] == 32 * ["choice"] + 63 * ["float"]
    assert dfs[0].options == (0, 1, 2) and (dfs[-1].low, dfs[-1].high) == (0.4, 1.5)


@pytest.mark.parametrize("kind", FEATURES)
def test_a_search_runs_by_configuration(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    words = [f"task=smm_bench_{kind}", "optimizer=random", f"task.problem.data={folders[kind]}"]
    assert main(["run", *words, "trials=8", f"results={tmp_path}"]) == 0
    path = tmp_path / f"smm_bench_{kind}/random/seed=0/trials.jsonl"
    trials = Journal(path).read()
    assert [t.losses[0] for t in trials] == [1 - t.scores["problem.acc_ja"].value for t in trials]


def test_what_is_missing_is_said_with_where_to_get_it(folders: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match=r"no such file; download and unzip .* drive\.google\.com"):
        smm_bench.make("ps", folders["ps"].parent)
    config = compose.compose(["task=smm_bench_ps", f"task.problem.data={folders['ps']}"])
    assert len(problems.files(config.task)) == 2  # part of a run's identity


def test_pickles_are_named_and_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (tmp_path / "opened").touch, ()

    (tmp_path / "train_acc_ja_best_model.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BadInput, match="pickles are not read"):
        smm_bench.make("ps", tmp_path)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "not the JSON of a LightGBM CVBooster"),
        ('{"boosters": ["tree-like"]}', "a booster is not a LightGBM text model"),
        ('{"boosters": []}', "no boosters"),
        ("[]", "not the JSON of a LightGBM CVBooster"),
    ],
)
def test_damaged_files_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "train_acc_ja_best_model.json").write_text(text)
    with pytest.raises(BadInput, match=said):
        smm_bench.make("ps", tmp_path)


def test_models_of_another_space_and_unknown_kinds_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match="95 features; 64 are wanted"):
        smm_bench.make("ps", folders["dfs"])
    with pytest.raises(BadInput, match="allowed: ps, dfs"):
        smm_bench.make("both", folders["ps"])
