"""`suite reproduce` called again: after a kill, an interrupt, too little memory; or over what has changed."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.__main__ import main
from suite.evaluators.models import handle
from suite.records import journal
from tests.commands import small_math
from tests.commands.reproducing import FEW, Reproduce, asked, given, lines, verdict
from tests.commands.small_math import MODELS


def test_a_killed_command_continues_to_the_same_files(
    reproduce: Reproduce, published_hub: Any, small: small_math.Small, tmp_path: Path
) -> None:
    only = "only=[evollm_jp_v1_7b]"
    more = (only, "batch_size=2", "+task.evaluators.mgsm_ja.data.report.rows='0:80'")
    code, _, err = reproduce(*more, f"results={tmp_path / 'whole'}")
    assert code == 0, err
    words = ["reproduce", "task=ja_math_7b", *given(small, tmp_path / "results"), *more]
    folder = tmp_path / "results/published/ja_math_7b/evollm_jp_v1_7b"
    # A child that has the libraries loaded already, and talks to the same Hub.
    process = multiprocessing.get_context("fork").Process(target=main, args=(words,))
    process.start()
    while process.is_alive() and not (
        (folder / "mgsm_ja.jsonl").exists()
        and (folder / "mgsm_ja.jsonl").read_bytes().count(b"\n") >= 10
    ):
        time.sleep(0.01)
    process.kill()
    process.join()
    done = (folder / "mgsm_ja.jsonl").read_bytes()
    assert 10 <= done.count(b"\n") < 80
    with (folder / "mgsm_ja.jsonl").open("ab") as file:
        file.write(done.splitlines()[0][:30])  # torn as the power went
    assert not (folder / "verdict.json").exists()
    code, _, err = reproduce(*more)
    assert code == 0, err
    assert (folder / "mgsm_ja.jsonl").read_bytes().startswith(done)
    usual = tmp_path / "whole/published/ja_math_7b/evollm_jp_v1_7b"
    assert lines(folder) == lines(usual)
    ours, theirs = verdict(folder), verdict(usual)
    assert ours.pop("seconds") > 0 and theirs.pop("seconds") > 0 and ours == theirs


def test_an_interrupt_stops_cleanly_and_the_same_command_goes_on(
    reproduce: Reproduce, published_hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    append, generate = journal.JsonLines.append, handle.TransformersHandle.generate

    def noted(self: Any, prompts: Any, *more: Any, **others: Any) -> Any:
        asked.append(len(prompts))
        return generate(self, prompts, *more, **others)

    def interrupted(self: Any, record: Any) -> None:
        append(self, record)
        if sum(asked) > 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(handle.TransformersHandle, "generate", noted)
    with monkeypatch.context() as patch:
        patch.setattr(journal.JsonLines, "append", interrupted)
        code, _, err = reproduce("only=[wizard]", "limit_items=9", "batch_size=4")
        assert code == 130 and "interrupted; the same command continues" in err
    folder = tmp_path / "results/published/ja_math_7b/wizard"
    assert asked == [4, 4] and len(lines(folder, "mgsm_ja.subset-9.jsonl")) == 5
    code, _, err = reproduce("only=[wizard]", "limit_items=9", "batch_size=4")
    assert code == 0, err
    assert asked == [4, 4, 4, 1]  # the batch that was broken off in the same company, then the rest
    assert len(lines(folder, "mgsm_ja.subset-9.jsonl")) == 9


def test_a_data_set_that_has_changed_is_refused(
    reproduce: Reproduce, small: small_math.Small, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small.data, data)
    words = ("only=[japanese]", f"task.data={data}", *FEW)
    assert reproduce(*words)[0] == 0
    table = data / "mgsm/mgsm_ja.tsv"
    table.write_text(table.read_text().replace("\t9\n", "\t8\n", 1))  # of item 3
    code, _, err = reproduce(*words)
    assert code == 2 and "the items of evaluator 'mgsm_ja' have changed since (sha256 " in err
    assert f"the first of 1 is item {asked(small.data)[3].id!r}" in err
    assert "use the data set of then, or another results folder" in err


def test_other_settings_are_another_measurement(reproduce: Reproduce) -> None:
    assert reproduce("only=[japanese]", *FEW)[0] == 0
    code, _, err = reproduce("only=[japanese]", *FEW, "task.dtype=float32")
    assert code == 2 and "settings.dtype: 'bfloat16' there, 'float32' now" in err


def test_a_row_that_never_began_takes_other_settings(
    reproduce: Reproduce,
    small: small_math.Small,
    published_hub: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was gated is named as a folder later on, and so may be."""
    with monkeypatch.context() as patch:
        published_hub.server.redirect(patch, tmp_path / "empty")
        patch.setattr(published_hub.server.get(MODELS["japanese"]), "gated", True)
        code, _, err = reproduce("only=[japanese]", *FEW)
        assert code == 2 and "gated (403)" in err and "licence: see its page, http" in err
    word = f"task.models.japanese={small.models['japanese']}"
    code, _, err = reproduce("only=[japanese]", word, *FEW)
    assert code == 0, err


def test_out_of_memory_halves_the_batch_and_goes_on(
    reproduce: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, sizes, most = handle.TransformersHandle._decode, [], 3

    def limited(self: Any, rows: Any, *more: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(self, rows, *more)

    monkeypatch.setattr(handle.TransformersHandle, "_decode", limited)
    code, _, err = reproduce("only=[japanese]", *FEW, "batch_size=12")
    assert code == 0, err
    assert sizes[:3] == [12, 6, 3] and max(sizes[3:]) == 3
    assert "out of GPU memory with batch_size=12; goes on with 6" in err
    assert "out of GPU memory with batch_size=6; goes on with 3" in err
    assert len(lines(tmp_path / "results/published/ja_math_7b/japanese")) == 12
    most = 0
    code, _, err = reproduce("only=[wizard]", *FEW, "batch_size=2")
    assert code == 2 and "out of GPU memory with one item at a time (batch_size=1)" in err


def test_a_damaged_line_is_named(reproduce: Reproduce, tmp_path: Path) -> None:
    assert reproduce("only=[japanese]", *FEW)[0] == 0
    path = tmp_path / "results/published/ja_math_7b/japanese/mgsm_ja.jsonl"
    path.write_text(path.read_text().replace("{", "", 1))
    code, _, err = reproduce("only=[japanese]", *FEW)
    assert code == 2 and "mgsm_ja.jsonl, line 1: damaged" in err
