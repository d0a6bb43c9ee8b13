"""The examples in the docstrings of the package do what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import suite

PACKAGE = Path(suite.__file__).parent


def modules() -> list[str]:
    """Names of the modules whose text has an example that is not marked to be skipped."""
    return sorted(
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if any(
            line.lstrip().startswith(">>> ") and "+SKIP" not in line
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    )


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_come_out(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        pytest.skip("needs torch")
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
