"""Make `synthetic` importable under any import mode, and build two small results once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three optimizers, five seeds, 30 trials; read only."""
    import synthetic

    folder = tmp_path_factory.mktemp("results")
    synthetic.write(folder, optimizers=("nsga2", "random", "tpe"), trials=30, items=(60, 120))
    return folder


@pytest.fixture(scope="session")
def frozen(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small results with a reference front beside them; read only."""
    import synthetic

    from suite.commands.report import freeze

    folder = Path(shutil.copytree(small, tmp_path_factory.mktemp("frozen") / "results"))
    freeze(folder, synthetic.TASK)
    return folder


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose sample answers are about pictures, of three evaluators; read only."""
    import synthetic

    folder = tmp_path_factory.mktemp("seen")
    synthetic.write(
        folder, optimizers=("nsga2", "tpe"), seeds=2, trials=8, items=(20, 40), pictures=True
    )
    return folder


@pytest.fixture(scope="session")
def hopping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose trials are layer paths, with depth as third objective; read only."""
    import synthetic

    folder = tmp_path_factory.mktemp("hopping")
    synthetic.write(
        folder, optimizers=("nsga2", "tpe"), seeds=3, trials=20, m=3, items=(60, 120), paths=True
    )
    return folder
