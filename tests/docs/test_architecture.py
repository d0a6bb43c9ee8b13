"""docs/architecture.md: its rooms are the folders, its layers the imports, its files exist."""

from __future__ import annotations

import re
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_room_has_a_line_and_every_line_a_room() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)
    listed = [name for _, name in rows]
    modules = {path.stem for path in (ROOT / "suite").glob("*.py")} - {"__init__", "__main__"}
    rooms = {path.parent.name for path in (ROOT / "suite").glob("*/__init__.py")}
    assert sorted(listed) == sorted(rooms | modules)
    assert [int(layer) for layer, _ in rows] == sorted(int(layer) for layer, _ in rows)


def test_a_room_imports_only_rooms_of_lower_layers() -> None:
    layer = {name: int(at) for at, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.M)}
    graph = grimp.build_graph("suite")
    arrows = {
        (module.split(".")[1], other.split(".")[1])
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
        if module.count(".") and other.count(".")
    }
    crossing = {(a, b) for a, b in arrows if a != b and a in layer}
    assert len(crossing) > 50
    assert sorted((a, b) for a, b in crossing if layer[a] >= layer[b]) == []


def test_the_files_of_the_walks_exist() -> None:
    named = re.findall(r"`((?:suite|conf|tests|zoo|baselines|results)/[\w/.]*)`", PAGE)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []
