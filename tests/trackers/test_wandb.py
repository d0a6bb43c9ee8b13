"""Real offline runs, read back from W&B's own transaction log by W&B's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.objective import Objective
from suite.records.trial import Score, Trial
from suite.trackers import RunCard
from suite.trackers.wandb import make, run_id

wandb = pytest.importorskip("wandb")
pytest.importorskip("plotly")

OBJECTIVES = (
    Objective("maths", "maths_ja.acc_ja", "maximize", 1.0, 0.0, "share"),
    Objective("tokens", "maths_ja.tokens", "minimize", 10.0, 50.0),
)
OUTCOMES = [([1, 0, 0, 0], 40), ([1, 1, 0, 0], 30), None, ([0, 0, 0, 0], 20), ([1, 1, 1, 0], 45)]
HYPERVOLUMES = [0.0625, 0.25, 0.25, 0.25, 0.3125]
BASELINES = {
    "soup": {"maths_ja.acc_ja": Score.mean([1, 0]), "maths_ja.tokens": Score.mean([33, 31])},
    "unmeasured": {},
}


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("DIR", "CACHE_DIR", "DATA_DIR", "CONFIG_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / "home"))
    yield
    wandb.teardown()


def trial(number: int) -> Trial:
    outcome = OUTCOMES[number]
    if outcome is None:
        return Trial(number, (0.5,), {"w": 2}, "failed", "NaN weights", {}, (), {"total": 0.5})
    scores = {
        "maths_ja.acc_ja": Score.mean(outcome[0]),
        "maths_ja.tokens": Score.mean([outcome[1]] * 4),
    }
    losses = tuple(o.loss(scores[o.metric].value) for o in OBJECTIVES)
    return Trial(
        number, (0.5,), {"w": number}, "ok", None, scores, losses, {"merge": 0.25, "total": 1.5}
    )


def card(tmp_path: Path) -> RunCard:
    path = tmp_path / "results" / "t" / "o" / "seed=0"
    path.mkdir(parents=True, exist_ok=True)
    lines = [trial(number).to_line() for number in range(5)]
    (path / "trials.jsonl").write_text("\n".join(lines) + "\n")
    (path / "config.yaml").write_text("seed: 0\n")
    config = {"seed": 0, "task": {"name": "t", "space": ["a", "b"]}}
    return RunCard("t/o/seed=0", path, config, OBJECTIVES, tuple(BASELINES))


def mirror(tmp_path: Path, numbers=range(5), front=(1, 3, 4), resumed_from=0, interrupted=False):
    """Mirror some trials into an offline run; returns its records and its files folder."""
    target = tmp_path / "mirror"
    tracker = make(project="p", group="g", mode="auto", dir=str(target))
    tracker.start(card(tmp_path), resumed_from=resumed_from)
    for number in numbers:
        tracker.trial(trial(number), HYPERVOLUMES[number], 1)
    tracker.finish([trial(number) for number in front], BASELINES, interrupted=interrupted)
    log = max(target.glob("wandb/offline-run-*/run-*.wandb"), key=lambda p: p.stat().st_mtime_ns)
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert Path(tracker.where) == log.parent
    return [json.loads(line) for line in done.stdout.splitlines()], log.parent / "files"


def trial_rows(records):
    return [record for record in only(records, "history") if "status" in record["item"]]


def only(records, kind):
    return [record[kind] for record in records if record["type"] == kind]


def test_an_offline_run_holds_the_whole_search(tmp_path):
    records, files = mirror(tmp_path)

    (run,) = only(records, "run")
    config = run["config"]["update"]
    assert (run["run_id"], run["project"], run["run_group"]) == (run_id(card(tmp_path)), "p", "g")
    assert config["task"] == {"name": "t", "space": ["a", "b"]}
    assert config["seed"] == 0
    assert config["baselines"] == ["soup", "unmeasured"]
    assert not run.get("host")

    rows = [h["item"] for h in trial_rows(records)]
    steps = [h["step"].get("num", 0) for h in trial_rows(records)]
    assert [row["trial"] for row in rows] == [0, 1, 2, 3, 4]
    assert steps == [0, 2, 4, 6, 8]
    assert [row["hypervolume"] for row in rows] == HYPERVOLUMES
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "ok", "ok"]
    assert rows[2]["error"] == "NaN weights"
    for row in rows:
        expected = trial(row["trial"])
        logged = {key.removeprefix("score/") for key in row if key.startswith("score/")}
        assert logged == set(expected.scores)
        for metric, score in expected.scores.items():
            assert row[f"score/{metric}"] == pytest.approx(score.value)
            assert row[f"stderr/{metric}"] == pytest.approx(score.stderr)
        named = zip(OBJECTIVES, expected.losses, strict=False)
        assert all(row[f"loss/{o.name}"] == pytest.approx(loss) for o, loss in named)
        assert row["seconds/total"] == expected.seconds["total"]
    assert [row["best/maths"] for row in rows] == [0.25, 0.5, 0.5, 0.5, 0.75]
    assert [row["best/tokens"] for row in rows] == [40, 30, 30, 20, 20]

    (table,) = [json.loads(p.read_text()) for p in files.glob("media/table/front/*.table.json")]
    listed = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["number"] for row in listed] == [1, 3, 4, None, None]
    assert [row["name"] for row in listed][3:] == ["soup", "unmeasured"]
    assert listed[0]["maths_ja.acc_ja"] == 0.5
    assert json.loads(listed[0]["recipe"]) == {"w": 1}
    assert listed[3]["maths_ja.tokens"] == 32
    assert listed[4]["maths_ja.tokens"] is None

    (plot,) = [json.loads(p.read_text()) for p in files.glob("media/plotly/front/*.plotly.json")]
    traces = {trace["name"]: trace for trace in plot["data"]}
    assert traces["front"]["text"] == ["trial 1", "trial 3", "trial 4"]
    assert traces["baseline"]["text"] == ["soup"]
    assert (traces["baseline"]["x"], traces["baseline"]["y"]) == ([0.5], [32])

    artifacts = {artifact["type"]: artifact for artifact in only(records, "artifact")}
    contents = artifacts["journal"]["manifest"]["contents"]
    assert {entry["path"] for entry in contents} == {"trials.jsonl", "config.yaml"}
    (ended,) = only(records, "exit")
    assert ended.get("exit_code", 0) == 0


def test_a_resumed_run_keeps_id_steps_and_best(tmp_path):
    first, _ = mirror(tmp_path, numbers=range(3), front=(1,), interrupted=True)
    second, _ = mirror(tmp_path, numbers=[3, 4], resumed_from=3)
    assert only(first, "exit")[0]["exit_code"] == 130
    assert only(second, "run")[0]["run_id"] == only(first, "run")[0]["run_id"]

    steps = [h["step"].get("num", 0) for h in only(first, "history") + only(second, "history")]
    assert steps == [0, 2, 4, 5, 6, 8, 9]  # the fronts at 5 and 9 displace no trial
    rows = trial_rows(second)
    assert [row["item"]["trial"] for row in rows] == [3, 4]
    assert rows[0]["item"]["best/maths"] == 0.5  # of trial 1, in the first part


def test_a_run_interrupted_before_its_first_trial_still_closes(tmp_path):
    records, _ = mirror(tmp_path, numbers=[], front=(), interrupted=True)
    assert only(records, "exit")[0]["exit_code"] == 130


def test_run_id_follows_folder_and_configuration(tmp_path):
    here = card(tmp_path)
    other_config = RunCard(here.id, here.path, {**here.config, "seed": 1}, OBJECTIVES)
    other_path = RunCard(here.id, tmp_path, here.config, OBJECTIVES)
    assert run_id(here) == run_id(card(tmp_path))
    assert len({run_id(here), run_id(other_config), run_id(other_path)}) == 3
    free = [
        RunCard(here.id, here.path, {**here.config, "trials": n}, OBJECTIVES, free=("trials",))
        for n in (10, 20)
    ]
    assert run_id(free[0]) == run_id(free[1]) == run_id(here)
    assert not set("/\\#?%:= ") & set(run_id(here))


def test_auto_without_network_falls_back_to_offline_with_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr("suite.trackers.wandb.INIT_SECONDS", 1.0)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    wandb.teardown()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        records, _ = mirror(tmp_path)
    ours = [w for w in caught if "logging offline" in str(w.message)]
    assert len(ours) == 1
    assert len(trial_rows(records)) == 5


def test_auto_without_account_is_offline_and_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    wandb.teardown()
    records, _ = mirror(tmp_path, numbers=[0])
    assert only(records, "run")


def test_unknown_mode_is_refused():
    with pytest.raises(BadInput, match="'sometimes' is not one of auto, offline, online"):
        make(mode="sometimes")


def test_missing_package_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "wandb" else 1)
    with pytest.raises(BadInput, match="wandb not installed"):
        make()
