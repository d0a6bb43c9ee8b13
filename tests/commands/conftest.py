"""What tests of several commands share."""

from __future__ import annotations

import pytest

from tests.commands import small_math


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> small_math.Small:
    """The models and data sets of the published maths searches, tiny."""
    return small_math.make(tmp_path_factory.mktemp("small"))
