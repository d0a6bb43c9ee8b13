"""The arguments of `suite export` and `suite merge`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from suite.checkpoints.compatibility import VOCABULARY
from suite.errors import BadInput


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{self.prog.removeprefix('suite ')}: {message}")


def parse(words: list[str]) -> argparse.Namespace:
    """The options of the command ``words[0]``, and `words` themselves; `BadInput` for others."""
    parser = _Parser(prog=f"suite {words[0]}")
    if words[0] == "export":
        parser.add_argument("run", metavar="RUN", help="a run's folder")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--trial", type=int, metavar="N", help="by its number")
        which.add_argument("--pick", metavar="knee|best:OBJECTIVE", help="by its scores")
    else:
        parser.add_argument(
            "recipe", metavar="RECIPE", help="mergekit YAML, a recipe.json, or one model's folder"
        )
        parser.add_argument("--vlm", metavar="MODEL", help="whose language tower the merge becomes")
        parser.add_argument(
            "--vocabulary", choices=VOCABULARY, help="cut: drop rows beyond the base's"
        )
    parser.add_argument("out", metavar="OUT", help="the folder to write; must not exist")
    parser.add_argument("--max-shard-size", default="5GB", metavar="SIZE")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--push", metavar="org/name", help="upload to this new or empty repository")
    parser.add_argument("--private", action="store_true")
    parser.add_argument("--yes", action="store_true", help="upload without asking")
    options = parser.parse_args(words[1:])
    if not options.push and (options.private or options.yes):
        raise BadInput(f"{words[0]}: --private and --yes go with --push")
    options.words = words
    return options
