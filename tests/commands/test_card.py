from __future__ import annotations

import json
from pathlib import Path

from suite.commands import card
from suite.commands.compose import compose


def test_a_continued_run_keeps_its_first_card(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    card.write(path, {"commit": "a"})
    card.write(path, {"commit": "a"})
    assert json.loads(path.read_text()) == {"commit": "a"}
    card.write(path, {"commit": "b"})
    card.write(path, {"commit": "b"})
    card.write(path, {"commit": "a"})
    assert json.loads(path.read_text()) == {
        "commit": "a",
        "continued": [{"commit": "b"}, {"commit": "a"}],
    }


def test_a_card_names_versions_and_neither_paths_nor_hosts() -> None:
    import platform

    found = card.environment(compose([]))
    text = json.dumps(found)
    assert found["packages"]["transformers"] and found["threads"] >= 1
    assert str(Path.cwd()) not in text and platform.node() not in text.split('"')


def test_inputs_cover_every_model_and_item_set() -> None:
    found = card.inputs(compose(["task=ja_math_micro_3obj"]))
    assert found["models"].keys() == {"base", "japanese", "math_add", "math_mul"}
    assert found["items"].keys() == {"ja_math", "ja_general", "en_math"}
    assert all(len(files) == 3 for files in found["items"].values())
    assert card.digest(compose([])) != card.digest(compose(["task=ja_math_micro_3obj"]))
