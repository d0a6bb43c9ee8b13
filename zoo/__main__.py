"""`python -m zoo NAME`: rebuild the shipped checkpoints and items NAME from nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from suite import resources


def main() -> int:
    """Parse the command line and build; returns the exit code."""
    recipes = {path.stem: path for path in sorted((resources.data("conf") / "zoo").glob("*.yaml"))}
    parser = argparse.ArgumentParser(prog="python -m zoo", description=__doc__)
    parser.add_argument("name", choices=recipes)
    parser.add_argument("--out", type=Path, help="default: the package's own data")
    parser.add_argument("--work", type=Path, help="finished stages (default: build/zoo/NAME)")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    from zoo.build import build

    try:
        build(
            recipes[options.name],
            options.out or resources.ZOO / options.name,
            options.work or Path("build/zoo") / options.name,
            options.threads,
        )
    except KeyboardInterrupt:
        print(
            "interrupted; the same command continues after the last finished stage", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
