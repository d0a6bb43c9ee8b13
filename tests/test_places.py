from __future__ import annotations

from pathlib import Path

import pytest

from suite import places
from suite.errors import BadInput


def test_shipped_data_is_found_by_name_and_missing_data_named() -> None:
    assert (places.resolve("zoo:ja_math_micro/base") / "model.safetensors").is_file()
    assert places.resolve("/some/where") == Path("/some/where")
    with pytest.raises(BadInput, match="zoo:nothing: no such shipped data; shipped: ja_math_micro"):
        places.resolve("zoo:nothing")


def test_a_run_has_one_folder_without_a_timestamp() -> None:
    assert places.run_folder("r", "task", "tpe", 3) == Path("r/task/tpe/seed=3")


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    places.write_whole(path, "first")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        places.write_whole(path, "second")
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]


def test_a_folder_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="not writable"):
        places.make_writable(tmp_path / "file" / "folder")
