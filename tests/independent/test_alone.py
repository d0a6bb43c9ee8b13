"""The recomputation shares no code with what it checks."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALLOWED = {"numpy", "scipy", "pytest", "tests"} | set(sys.stdlib_module_names)


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names.add(node.module or "")
    return names


def test_nothing_here_imports_the_suite_or_its_other_tests() -> None:
    files = sorted(HERE.glob("*.py"))
    assert len(files) > 5
    for path in files:
        for name in imported(path):
            assert name.split(".")[0] in ALLOWED, f"{path.name} imports {name}"
            if name.startswith("tests"):
                assert name.split(".")[1] == HERE.name, f"{path.name} imports {name}"
        text = path.read_text(encoding="utf-8")
        assert path == Path(__file__) or not ("import_module" in text or "__import__" in text)


def test_the_check_finds_an_import(tmp_path: Path) -> None:
    path = tmp_path / "sly.py"
    path.write_text(
        "def f():\n    from suite.statistics import pareto\n    import suite.spaces.space as s\n"
    )
    assert imported(path) == {"suite.statistics", "suite.spaces.space"}
