"""`suite export` and `suite merge`: a recipe written as an ordinary checkpoint with its mergekit YAML."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import yaml

from suite import places
from suite.errors import BadInput


def main(words: list[str]) -> None:
    """``export RUN --trial N OUT`` or ``merge RECIPE.yaml OUT``."""
    export(words[1:]) if words[0] == "export" else merge(words[1:])


def export(words: list[str]) -> None:
    """Write trial N of the run in folder RUN to OUT."""
    from suite.journal import Journal
    from suite.recipe import Recipe

    options = _parse("export", words, ("run", "out"), trial=int)
    run = Path(options.run)
    if not (run / "config.yaml").is_file():
        raise BadInput(f"{run}: not a run's folder (no config.yaml)")
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    trials = Journal(run / "trials.jsonl").read()
    if not 0 <= options.trial < len(trials):
        raise BadInput(f"{run}: no trial {options.trial}; the journal holds 0 to {len(trials) - 1}")
    recipe = Recipe.from_json(trials[options.trial].recipe)
    folders = {name: places.resolve(path) for name, path in config["task"]["models"].items()}
    write(recipe, folders, config["task"]["base"], Path(options.out))


def merge(words: list[str]) -> None:
    """Merge the mergekit YAML file RECIPE, whose models are local folders, into OUT."""
    from suite import mergekit

    options = _parse("merge", words, ("recipe", "out"))
    recipe = mergekit.read(Path(options.recipe))
    names = [entry.model for entry in recipe.inputs]
    base = recipe.base or names[0]
    folders = {name: places.resolve(name) for name in dict.fromkeys([base, *names])}
    write(recipe, folders, base, Path(options.out))


def write(recipe: Any, folders: dict[str, Path], base: str, out: Path) -> None:
    """Merge `recipe` over the checkpoints in `folders` and save it, tokenizer of `base` included.

    The folder appears whole or not at all; an existing one is refused.
    """
    from suite import mergekit
    from suite.evaluators import handle
    from suite.merging.merger import Merger
    from suite.merging.sources import Sources

    if out.exists():
        raise BadInput(f"{out}: exists; name a new folder")
    used = {base, *(entry.model for entry in recipe.inputs)}
    sources = Sources.load({name: folder for name, folder in folders.items() if name in used})
    live = handle.load(folders[base], "cpu")
    Merger(sources, live.model).merge(recipe)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        live.model.save_pretrained(draft)
        live.tokenizer.save_pretrained(draft)
        (draft / "mergekit.yaml").write_text(mergekit.write(recipe), encoding="utf-8")
        draft.rename(out)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
    print(f"{out}: {recipe.method} of {', '.join(entry.model for entry in recipe.inputs)}")


def _parse(
    command: str, words: list[str], names: tuple[str, ...], **numbers: type
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"suite {command}")
    for name in names:
        parser.add_argument(name)
    for name, kind in numbers.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    return parser.parse_args(words)
