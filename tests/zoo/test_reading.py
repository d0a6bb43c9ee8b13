"""What models have read, made again: the documents that the build trains on, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from suite import resources
from zoo import build as zoo
from zoo import reading, train

MATHS = {"document": "maths", "weight": 1, "kinds": "all", "numbers": "easy", "verbs": 1}
RECIPE = {
    "name": "tiny",
    "seed": 3,
    "shape": {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 256,
    },
    "base": [
        {"steps": 3, "lr": 1e-3, "mixture": [{**MATHS, "language": "en"}]},
        {"steps": 9, "lr": 1e-3, "seed": 5, "batch": 4, "mixture": [{**MATHS, "language": "en"}]},
    ],
    "experts": {"japanese": {"steps": 2, "lr": 1e-3, "mixture": [{**MATHS, "language": "ja"}]}},
}


def test_documents_are_those_that_a_build_trains_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Any] = []
    encode = train.encode

    def listening(documents: Any, *rest: Any) -> Any:
        taken.append(list(documents))
        return encode(documents, *rest)

    monkeypatch.setattr(train, "encode", listening)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    zoo.build(tmp_path / "tiny.yaml", tmp_path / "out", tmp_path / "work", threads=1, probes=2)
    trained = [batch for batch in taken if len(batch) in (4, 32)]  # probes have two
    read = [
        list(reading.documents(RECIPE, name, stage))
        for name, stage in reading.stages(RECIPE).items()
    ]
    assert [len(each) for each in read] == [3 * 32, 9 * 4, 2 * 32]
    assert [d for stage in read for d in stage] == [d for batch in trained for d in batch]


def test_shipped_recipes_have_their_stages_in_order() -> None:
    folder = resources.data("conf") / "zoo"
    names = {
        path.stem: [*reading.stages(yaml.safe_load(path.read_text(encoding="utf-8")))]
        for path in folder.glob("*.yaml")
    }
    assert names["ja_math_micro"] == [
        "base/0",
        "base/1",
        "base/2",
        "japanese",
        "math_add",
        "math_mul",
    ]
    assert names["ja_vlm_micro"] == ["base/0", "japanese", "vlm/2"]  # eyes read nothing before
