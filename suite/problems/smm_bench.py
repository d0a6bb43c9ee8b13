"""SMM-Bench: others' surrogates of Japanese-maths merges of two 7B models, by LightGBM.

Akizuki et al. 2025, "Surrogate Benchmarks for Model Merging Optimization", AutoML (arXiv 2509.02555);
github.com/shiralab/SMM-Bench at d433ebe, MIT. PS: 64 weights in [0, 1]. DFS: 32 choices of three, then
63 scales in [0.4, 1.5]. Each has two heads: the search split is ``train_acc_ja``, select and report
are ``test_acc_ja``. Their model files are not in the repository and are downloaded by the user.

A head is the mean of the boosters in one file, cut to [0, 1], as in their ``smmbench.py``. It has no
noise: the same settings give the same value, with standard error 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.errors import BadInput
from suite.records.trial import Score
from suite.spaces.space import Parameter, SearchSpace, Setting

if TYPE_CHECKING:
    from lightgbm import Booster

FIGURE = "acc_ja"
HEADS = {"search": "train_acc_ja", "select": "test_acc_ja", "report": "test_acc_ja"}
FILE = "{head}_best_model.json"  # lightgbm.CVBooster.save_model writes it
WHERE = "drive.google.com/drive/folders/1aeLvUzOwVKqL7vSIdDBMDryJLisxQSXw (github.com/shiralab/SMM-Bench)"
PICKLES = (".pkl", ".pickle", ".joblib")

PS = [Parameter(f"x{i}") for i in range(64)]
DFS = [
    *(Parameter(f"c{i}", "choice", options=(0, 1, 2)) for i in range(32)),
    *(Parameter(f"x{i}", "float", 0.4, 1.5) for i in range(63)),
]
SPACES = {"ps": PS, "dfs": DFS}


class SmmBench:
    """One of the two benchmarks; its only figure is ``acc_ja``, larger is better."""

    figures = (FIGURE,)

    def __init__(self, kind: str, heads: Mapping[str, list[Booster]]) -> None:
        self.title = f"SMM-Bench-{kind.upper()}"
        self.space = SearchSpace(SPACES[kind])
        self._heads = heads

    def measure(self, settings: Mapping[str, Setting], split: str) -> dict[str, Score]:
        """The split's head at `settings`: a share of items, from 0 to 1."""
        x = np.array([[float(settings[name]) for name in self.space.names]])
        boosters = self._heads[HEADS[split]]
        value = float(np.mean([booster.predict(x, num_threads=1)[0] for booster in boosters]))
        return {FIGURE: Score(min(max(value, 0.0), 1.0), 0.0, 1)}

    def front(self) -> None:
        """Not known."""
        return


def make(kind: str, data: Path) -> SmmBench:
    """`kind` ``ps`` or ``dfs`` from the folder `data` with the downloaded model files.

    Needs the extra ``smm-bench``. `BadInput` for a file that is not there or is no text model.
    """
    if kind not in SPACES:
        raise BadInput(f"SMM-Bench: kind is {kind!r}; allowed: {', '.join(SPACES)}")
    try:
        import lightgbm  # noqa: F401
    except ImportError:
        raise BadInput(
            "SMM-Bench: lightgbm is not installed; pip install 'merge-suite[smm-bench]'"
        ) from None
    folder, features = Path(data), len(SPACES[kind])
    heads = dict.fromkeys(HEADS.values())
    return SmmBench(kind, {head: _boosters(folder, head, features) for head in heads})


def _boosters(folder: Path, head: str, features: int) -> list[Booster]:
    """The boosters of one head, each over `features` features."""
    import lightgbm

    path = folder / FILE.format(head=head)
    try:
        boosters = json.loads(_text(path, head))["boosters"]
        models = [lightgbm.Booster(model_str=_model(text)) for text in boosters]
    except (ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path}: not the JSON of a LightGBM CVBooster ({reason})") from None
    if not models:
        raise BadInput(f"{path}: no boosters in it")
    for model in models:
        if model.num_feature() != features:
            raise BadInput(f"{path}: {model.num_feature()} features; {features} are wanted")
    return models


def _text(path: Path, head: str) -> str:
    """The file's text; pickles are never opened, as opening one runs what is in it."""
    if path.is_file():
        return path.read_text(encoding="utf-8")
    for other in sorted(path.parent.glob(f"{head}*")):
        if other.suffix in PICKLES:
            raise BadInput(
                f"{other}: pickles are not read; where it can be trusted, load it with"
                f" joblib.load or pickle.load and write {path.name} with its save_model"
            )
    raise BadInput(f"{path}: no such file; download and unzip the model files from {WHERE}")


def _model(text: Any) -> str:
    """A booster's text; `ValueError` for anything that LightGBM would not stop at."""
    if not isinstance(text, str) or not text.startswith("tree\n"):
        raise ValueError("a booster is not a LightGBM text model")
    return text
