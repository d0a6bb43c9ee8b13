"""`suite reproduce --dry-run`: what measuring published rows would take, in bytes, items and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.__main__ import main
from suite.evaluators.models import handle
from suite.reproduce import rows
from tests.commands import small_math
from tests.commands.reproducing import Reproduce, cells


def test_a_dry_run_counts(
    reproduce: Reproduce,
    small: small_math.Small,
    published_hub: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published_hub.server.redirect(monkeypatch, tmp_path / "empty")
    monkeypatch.setattr(handle, "load", None)
    code, out, err = reproduce("--dry-run")
    assert code == 0, err
    assert not (tmp_path / "results").exists()
    weights = {n: size(small.models[n], "*.safetensors") for n in ("evolved", "abel")}
    evolved = cells(out, "ja_math_7b/evollm_jp_v1_7b")
    assert bytes_of(evolved, 0) == pytest.approx(size(small.models["evolved"], "*"), rel=0.05)
    assert bytes_of(evolved, 1) == pytest.approx(weights["evolved"], rel=0.05)  # bfloat16, live too
    abel = cells(out, "ja_math_7b/abel")
    assert bytes_of(abel, 1) == pytest.approx(
        weights["abel"] / 2, rel=0.05
    )  # float32 made bfloat16
    merged = cells(out, "ja_math_7b/ties_0.5")
    sources = 3 * weights["evolved"] + weights["abel"]
    assert bytes_of(merged, 1) == pytest.approx(sources + weights["evolved"], rel=0.05)
    assert "250" in evolved and "750" in evolved  # items, and three tokens each at most
    lost = cells(out, "ja_math_7b/arithmo2")
    assert lost.count("not known") == 2 and "no such repository" in out
    assert "weights not released" in cells(out, "ja_math_7b/lora_wizard")
    assert not list((tmp_path / "empty").rglob("*.safetensors"))


def size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def bytes_of(line: str, place: int) -> float:
    """The number of bytes in a cell of the dry run: 0 what is downloaded, 1 memory."""
    text = [cell.strip() for cell in line.split("│")][3 + place]
    value, unit = text.split()
    return float(value.replace(",", "")) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def test_a_dry_run_lists_every_published_row_without_hub_and_data(
    published_hub: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    published_hub.server.redirect(monkeypatch, tmp_path / "empty", offline=True)
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "--dry-run", "device=cpu"]) == 0
    out = capsys.readouterr().out
    assert rows.tasks() == ["ja_math_10b", "ja_math_10b_dfs", "ja_math_7b", "ja_vlm_7b"]
    for selected in rows.select(rows.read([])):
        for row in selected.rows:
            assert cells(out, f"{selected.task.name}/{row.name}")
    assert "250" in cells(out, "ja_math_7b/abel") and "256,000" in cells(out, "ja_math_7b/abel")
    assert "550" in cells(out, "ja_vlm_7b/evovlm_jp_v1_7b")  # 500 and 50
    assert out.count("hf download SakanaAI/JA-VG-VQA-500") == 1
