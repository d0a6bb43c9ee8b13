"""What `suite export` refuses: one line, and no folder is left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from suite import resources
from tests.commands.exporting import Call, refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trial", "99"], "no trial 99; the journal holds 0 to 5"),
        (["--trial", "-1"], "no trial -1"),
        (["--trial", "two"], "invalid int value: 'two'"),
        (["--pick", "best:maths"], "no objective 'maths'; there are ja_math, ja_general"),
        (["--pick", "worst"], "allowed are knee and best:{ja_math,ja_general}"),
        (["--pick", "knee", "--trial", "1"], "not allowed with argument"),
        ([], "one of the arguments --trial --pick is required"),
        (["--trial", "1", "--dtype", "int4"], "invalid choice: 'int4'"),
        (["--trial", "1", "--max-shard-size", "big"], "--max-shard-size big: allowed is"),
        (["--trial", "1", "--push", "soup", "--yes"], "name a repository as org/name"),
        (["--trial", "1", "--push", "org/soup"], "without a terminal to confirm on, say --yes"),
        (["--trial", "1", "--private"], "--private and --yes go with --push"),
        (["--trial", "1", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(
    call: Call, judged_run: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    assert said in refused(call("export", judged_run, tmp_path / "out", *options), tmp_path)


def test_a_failed_trial_is_refused_with_its_reason(
    call: Call, judged_copy: Path, tmp_path: Path
) -> None:
    journal = judged_copy / "trials.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[3] |= {"status": "failed", "error": "MergeFailure: NaN", "scores": {}, "losses": []}
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = refused(call("export", judged_copy, tmp_path / "out", "--trial", 3), tmp_path)
    assert "trial 3 failed (MergeFailure: NaN)" in said
    assert call("export", judged_copy, tmp_path / "out", "--pick", "knee")[0] == 0


def test_a_folder_that_is_no_run_is_refused(call: Call, judged_copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "no config.yaml" in refused(call("export", tmp_path, out, "--trial", 0), tmp_path)
    (judged_copy / "config.yaml").write_text("a: 1")
    assert "not the configuration of a run" in refused(
        call("export", judged_copy, out, "--trial", 0), tmp_path
    )
    (judged_copy / "config.yaml").write_text("a: [")
    assert "cannot be read" in refused(call("export", judged_copy, out, "--trial", 0), tmp_path)


def test_a_folder_that_exists_is_refused_and_kept(
    call: Call, judged_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    code, _, err = call("export", judged_run, tmp_path / "mine", "--trial", 0)
    assert code == 2 and "exists; name a new folder" in err
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["file"]


def test_parents_that_are_missing_or_others_are_refused(
    call: Call, judged_copy: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "japanese"
    shutil.copytree(resources.resolve("zoo:ja_math_micro/japanese"), folder)
    path = judged_copy / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["task"]["models"]["japanese"] = str(folder)
    path.write_text(yaml.safe_dump(config))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    words = ["export", judged_copy, tmp_path / "out", "--trial", 0]
    assert "is not the file that" in refused(call(*words), tmp_path)
    shutil.rmtree(folder)
    assert str(folder) in refused(call(*words), tmp_path)
