"""mergekit 0.1.5 as the benchmark's peer: in memory, and on disk as its command does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from suite.recipes import mergekit as recipes
from suite.recipes.recipe import Recipe

Candidate = Callable[[int], Recipe]


def in_memory(candidate: Candidate, folders: dict[str, Path]) -> Callable[[int], object]:
    """mergekit's merge of state dicts that are already in memory."""
    from mergekit.merge_methods.api import merge_state_dicts
    from safetensors.torch import load_file

    first = candidate(0)
    used = [*([first.base] if first.base == "base" else []), *(i.model for i in first.inputs)]
    states = {name: load_file(folders[name] / "model.safetensors") for name in used}

    def run(number: int) -> object:
        wanted = candidate(number)
        own = {
            key: {entry.model: entry.parameters[key] for entry in wanted.inputs}
            for key in wanted.inputs[0].parameters
        }
        parameters = {**own, **wanted.parameters}
        return merge_state_dicts(states, first.title, parameters=parameters, base=wanted.base)

    return run


def on_disk(candidate: Candidate, folders: dict[str, Path], root: Path) -> Callable[[int], object]:
    """mergekit's command: checkpoints read, a checkpoint written."""
    import yaml
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    def run(number: int) -> object:
        text = recipes.write(candidate(number), {name: str(path) for name, path in folders.items()})
        data = {**yaml.safe_load(text), "dtype": "bfloat16"}
        options = MergeOptions(quiet=True, copy_tokenizer=False, write_model_card=False)
        return run_merge(MergeConfiguration.model_validate(data), str(root / "out"), options)

    return run
