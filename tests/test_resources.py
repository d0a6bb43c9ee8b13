from __future__ import annotations

from pathlib import Path

import pytest

from suite import resources
from suite.errors import BadInput
from suite.records import files
from suite.records.folder import run_folder


def test_shipped_data_is_found_by_name_and_missing_data_named() -> None:
    assert (resources.resolve("zoo:ja_math_micro/base") / "model.safetensors").is_file()
    assert resources.resolve("/some/where") == Path("/some/where")
    with pytest.raises(BadInput, match="zoo:nothing: no such shipped data; shipped: ja_math_micro"):
        resources.resolve("zoo:nothing")


def test_a_run_has_one_folder_without_a_timestamp() -> None:
    assert run_folder("r", "task", "tpe", 3) == Path("r/task/tpe/seed=3")


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    files.write_whole(path, "first")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        files.write_whole(path, "second")
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]


def test_a_folder_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="not writable"):
        files.make_writable(tmp_path / "file" / "folder")
