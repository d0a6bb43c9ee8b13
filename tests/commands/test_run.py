"""`suite run` as a user runs it: files, resume, and every kind of bad input."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from suite import resources
from suite.__main__ import main
from suite.evaluators.datasets import items
from suite.records import folder as folders
from suite.records.journal import Journal

Suite = Callable[..., tuple[int, str, str]]
KEYS = ["number", "x", "recipe", "status", "error", "scores", "losses", "seconds"]


def run_folder(tmp_path: Path, optimizer: str = "random") -> Path:
    return folders.run_folder(tmp_path, "ja_math_micro", optimizer, 0)


def timeless(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in KEYS if key != "seconds"} for line in lines]


def test_a_run_leaves_its_journal_configuration_and_card(suite: Suite, tmp_path: Path) -> None:
    code, out, err = suite("run", "optimizer=random", "trials=3")
    folder = run_folder(tmp_path)
    assert code == 0, err
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    assert [list(line) for line in lines] == [KEYS] * 3
    assert all(line["scores"]["ja_math.acc_ja"]["n"] == 8 for line in lines)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["optimizer"], config["seed"]) == ("random", 0)
    assert [o["name"] for o in config["task"]["objectives"]] == ["ja_math", "ja_general"]
    card = (folder / "environment.json").read_text()
    assert json.loads(card)["packages"]["torch"] and str(Path.cwd()) not in card
    for shown in ("task_arithmetic_0.4", "trial", "hypervolume", "trials.jsonl"):
        assert shown in out


def test_the_same_recipe_scores_the_same_and_resume_continues(suite: Suite, tmp_path: Path) -> None:
    assert suite("run", "optimizer=nsga2", "trials=5")[0] == 0
    whole = timeless(run_folder(tmp_path, "nsga2"))
    journal = run_folder(tmp_path, "nsga2") / "trials.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]) + lines[2][:50])  # as a crash leaves it
    assert suite("run", "optimizer=nsga2", "trials=5")[0] == 0
    assert timeless(run_folder(tmp_path, "nsga2")) == whole


def test_a_finished_run_stays_as_it_is(suite: Suite, tmp_path: Path) -> None:
    assert suite("run", "optimizer=random", "trials=2")[0] == 0
    card = run_folder(tmp_path) / "environment.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "threads": 99}))  # elsewhere
    before = {path.name: path.read_bytes() for path in run_folder(tmp_path).iterdir()}
    assert suite("run", "optimizer=random", "trials=2", "batch_size=4")[0] == 0
    assert {path.name: path.read_bytes() for path in run_folder(tmp_path).iterdir()} == before
    assert suite("run", "optimizer=random", "trials=3")[0] == 0
    assert len(json.loads(card.read_text())["continued"]) == 1


def test_a_baseline_can_seed_a_search(suite: Suite, tmp_path: Path) -> None:
    assert (
        suite("run", "optimizer=random", "trials=2", "start=[task_arithmetic_0.4,japanese]")[0] == 0
    )
    first, second = Journal(run_folder(tmp_path) / "trials.jsonl").read()
    assert set(first.x) == {0.4}
    assert sorted(set(second.x)) == [0.0, 1.0]


@pytest.mark.parametrize(
    "merge", ["linear", "slerp", "ties", "dare_ties", "task_arithmetic_source"]
)
def test_every_merge_space_runs(suite: Suite, tmp_path: Path, merge: str) -> None:
    code, _, err = suite("run", f"merge@task.merge={merge}", "optimizer=tpe", "trials=2")
    assert code == 0, err
    trials = Journal(run_folder(tmp_path, "tpe") / "trials.jsonl").read()
    assert [trial.status for trial in trials] == ["ok", "ok"]


def test_a_sweep_runs_every_point(suite: Suite, tmp_path: Path) -> None:
    code, _, err = suite("run", "-m", "optimizer=random,sobol", "trials=1")
    assert code == 0, err
    assert run_folder(tmp_path, "random").is_dir() and run_folder(tmp_path, "sobol").is_dir()


def test_processes_share_a_sweep(suite: Suite, tmp_path: Path) -> None:
    taken = run_folder(tmp_path, "random")
    taken.mkdir(parents=True)
    with (taken / "trials.jsonl").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as another process holds it
        code, _, err = suite("run", "-m", "optimizer=random,sobol", "trials=1")
        assert code == 0 and f"{taken}: another process is running this run: passed over" in err
        code, _, err = suite("run", "optimizer=random", "trials=1")
        assert code == 2 and f"{taken}: another process is running this run" in err
    assert (taken / "trials.jsonl").read_bytes() == b""
    assert len(Journal(run_folder(tmp_path, "sobol") / "trials.jsonl").read()) == 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["task=nonsense"], "task/nonsense"),
        (["optimizer=nonsense"], "optimizer/nonsense"),
        (["merge@task.merge=nonsense"], "merge/nonsense"),
        (["task.merge.method=nonsense"], "'nonsense' is unknown; there are linear"),
        (["task.merge.searched.weight.high=.nan"], "weight"),
        (["task.merge.searched.weight.scope=banana"], "allowed: global, source, group, layer"),
        (["merge@task.merge=ties", "task.merge.searched.density.high=1.5"], "density"),
        (["trials=0"], "trials=0"),
        (["trials=-5"], "trials=-5"),
        (["seed=-1"], "seed=-1"),
        (["seed=banana"], "seed=banana"),
        (["nonsense=1"], "nonsense"),
        (["device=tpu"], "allowed are auto, cpu, cuda, cuda:N"),
        (["device=cuda:99"], "CUDA device"),
        (["start=[nobody]"], "no baseline 'nobody'"),
        (["task.models.japanese=/no/such/folder"], "/no/such/folder"),
        (["task.models.japanese=zoo:nobody"], "no such shipped data"),
        (["task.objectives.ja_math.reference=1.0"], "ideal and reference are both 1.0"),
        (["task.objectives.ja_math.metric=ja_math.nothing"], "ja_math.nothing"),
        (["task.evaluators.ja_math.scorer=nothing"], "no scorer 'nothing'"),
        (["task.evaluators.ja_math._target_=os.system"], "not allowed"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    suite: Suite, tmp_path: Path, overrides: list[str], said: str
) -> None:
    code, _, err = suite("run", "optimizer=random", "trials=1", *overrides)
    lines = [line for line in err.splitlines() if line.startswith("suite:")]
    assert code == 2 and len(lines) == 1 and said in lines[0], err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("trials.jsonl"))


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "copied"
    shutil.copytree(resources.resolve("zoo:ja_math_micro/japanese"), folder)
    return folder


def test_a_truncated_checkpoint_is_refused(suite: Suite, tmp_path: Path) -> None:
    weights = copied(tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    code, _, err = suite("run", f"task.models.japanese={weights.parent}", "trials=1")
    assert code == 2 and str(weights) in err


def test_a_checkpoint_without_safetensors_is_refused(suite: Suite, tmp_path: Path) -> None:
    weights = copied(tmp_path) / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    code, _, err = suite("run", f"task.models.japanese={weights.parent}", "trials=1")
    assert code == 2 and "safetensors" in err


def test_models_that_do_not_fit_are_refused_by_tensor(suite: Suite, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copied(tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:-3].clone()
    save_file(tensors, weights, metadata={"format": "pt"})
    code, _, err = suite("run", f"task.models.japanese={weights.parent}", "trials=1")
    assert code == 2 and "lm_head.weight" in err


def test_another_configuration_in_the_folder_is_refused(suite: Suite, tmp_path: Path) -> None:
    assert suite("run", "optimizer=random", "trials=1")[0] == 0
    before = (run_folder(tmp_path) / "trials.jsonl").read_bytes()
    code, _, err = suite(
        "run", "optimizer=random", "trials=2", "task.merge.searched.weight.high=0.9"
    )
    assert code == 2 and "task.merge.searched.weight.high: 1.0 there, 0.9 now" in err
    assert (run_folder(tmp_path) / "trials.jsonl").read_bytes() == before


def test_a_damaged_journal_is_refused_by_line(suite: Suite, tmp_path: Path) -> None:
    assert suite("run", "optimizer=random", "trials=3")[0] == 0
    journal = run_folder(tmp_path) / "trials.jsonl"
    lines = journal.read_text().splitlines()
    lines[1] = lines[1].replace("{", "[", 1)
    journal.write_text("\n".join(lines) + "\n")
    code, _, err = suite("run", "optimizer=random", "trials=4")
    assert code == 2 and "line 2: damaged" in err


def test_a_results_folder_that_cannot_be_written_is_refused(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "ja_math_micro").write_text("a file where a folder must be")
    code, _, err = suite("run", "optimizer=random", "trials=1")
    assert code == 2 and "not writable" in err


def test_overlapping_splits_are_refused(suite: Suite, tmp_path: Path) -> None:
    folder = tmp_path / "overlap"
    folder.mkdir()
    whole = items.read_splits(resources.resolve("zoo:ja_math_micro/items/ja_math"))
    for split in whole:
        items.write(folder / f"{split}.jsonl", whole["search"][:4])
    code, _, err = suite("run", f"task.evaluators.ja_math.items={folder}", "trials=1")
    assert code == 2 and "splits must be disjoint" in err


# A process of its own, over a problem: its start without torch takes a moment.
ZDT1 = ["run", "task=zdt1", "optimizer=random"]


def test_interrupt_stops_cleanly_and_resumes(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "suite", *ZDT1, "trials=1000000", f"results={tmp_path}"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # A shell's background jobs, and so these tests in one, inherit an ignored interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = folders.run_folder(tmp_path, "zdt1", "random", 0)
    journal = folder / "trials.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Traceback" not in err, err.decode()
    before = timeless(folder)
    assert before
    assert main([*ZDT1, f"trials={len(before) + 2}", f"results={tmp_path}"]) == 0
    found = timeless(folder)
    assert found[: len(before)] == before and len(found) == len(before) + 2


def test_a_disk_that_fills_up_leaves_whole_lines(tmp_path: Path) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "suite", *ZDT1, "trials=1000000", f"results={tmp_path}"],
        capture_output=True, text=True, preexec_fn=small_files, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2 and "cannot be written" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    journal = folders.run_folder(tmp_path, "zdt1", "random", 0) / "trials.jsonl"
    assert Journal(journal).read() and journal.read_bytes().endswith(b"\n")
