"""`suite reproduce` on the published maths task in miniature: its words, and what it leaves.

The fixtures `published_hub` and `reproduce` (`conftest`) call it with these.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from suite import resources
from suite.assembly import assemble, compose
from suite.evaluators.datasets.items import Item
from tests.commands import small_math

Reproduce = Callable[..., tuple[int, str, str]]
ANY = "task.evaluators.mgsm_ja.data.report.sha256=null"
SHORT = ["task.evaluators.mgsm_ja.max_new_tokens=3", "batch_size=50", ANY]
FEW = ["+task.evaluators.mgsm_ja.data.report.rows='0:12'"]
METRIC = "mgsm_ja.sakana-v1.acc_ja"


def row_model(name: str) -> str:
    """The model that a published row of ja_math_7b names."""
    file = resources.data("baselines") / "ja_math_7b/published" / f"{name}.yaml"
    (entry,) = yaml.safe_load(file.read_text())["models"]
    return str(entry["model"])


def given(small: small_math.Small, results: Path) -> list[str]:
    """What a user says to have the miniature in the place of the real models and data."""
    return [f"task.data={small.data}", "device=cpu", f"results={results}", *SHORT]


def lines(folder: Path, name: str = "mgsm_ja.jsonl") -> list[dict[str, Any]]:
    """Replies without what differs from run to run: the time they took."""
    found = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    for line in found:
        assert line.pop("seconds") > 0
    return found


def verdict(folder: Path, name: str = "verdict.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def cells(out: str, row: str) -> str:
    """The line of a table that begins with this row."""
    return next(line for line in out.splitlines() if f"│ {row} " in line)


def asked(data: Path) -> list[Item]:
    """The report items, in the table's order."""
    run = compose.compose(["task=ja_math_7b", f"task.data={data}", ANY])
    evaluator: Any = assemble.evaluators(run)[0]
    found: list[Item] = evaluator.splits["report"]
    return found


def talkative(model: Path, to: Path) -> None:
    """A copy of a checkpoint that knows some digits and kana alone."""
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(model)
    changed: Any = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    kept: Any = words.convert_tokens_to_ids([*"1234", *"はですな"])
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in changed.model.layers.named_parameters():
            if "norm" not in name:
                tensor *= 12  # so that replies depend on the whole prompt
        changed.lm_head.weight.zero_()
        rows = torch.randn((len(kept), changed.config.hidden_size), generator=generator)
        changed.lm_head.weight[kept] = rows.bfloat16()
    changed.save_pretrained(to)
    words.save_pretrained(to)
