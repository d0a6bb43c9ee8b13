"""The command line: dispatch to a command's module, and turn its errors into exit codes."""

from __future__ import annotations

import importlib
import os
import sys

USAGE = """\
usage: suite COMMAND [arguments]

  run     task=… optimizer=… [seed=0 trials=200 results=results device=auto …]
          search for merges; continues a run that was interrupted (-m sweeps)
  tune    task=…            tune by hand, by rule: published defaults and small grids; its cost
  judge   task=…            measure fronts and baselines on items no search saw
  reproduce [task=…] [only=[ROW,…]] [limit_items=N] [--dry-run]
                            published scores measured again, each with a verdict; what it would cost
  report  [task=… | task=[…]] [freeze=true]
          figures, tables and one HTML page a task from the results, and one across tasks
  compare claim="nsga2 > random on ja_math_micro" [effect=1] [margin=…] [trials=200] [--dry-run]
          register fresh seeds, make and judge their runs, answer supported / refuted /
          equivalent / undecided; asked again: a further look (--list task=…: all claims so far)
  export  RUN OUT --trial N | --pick knee | --pick best:OBJECTIVE
                            one searched merge as a checkpoint, with its recipe and a model card
  merge   RECIPE OUT [--vlm MODEL]
                            a mergekit YAML as a checkpoint (both: --push org/name uploads it)
  check   task=… [--fast]   prove that a task is complete, its models fit and its splits are
                            disjoint (--fast: without downloading or loading any weights)
  list    tasks|optimizers|baselines|merges
  archive pull TASK/VERSION | list | make | push | pack FOLDER | unpack FOLDER
                            results by name, checked, beside those that are there; journals at rest

Exit codes: 0 done, 2 bad input, 130 interrupted. Documentation: README.md.
"""

COMMANDS = {
    "run": "suite.commands.run",
    "tune": "suite.commands.tune",
    "judge": "suite.commands.judge",
    "reproduce": "suite.commands.reproduce",
    "compare": "suite.commands.compare",
    "report": "suite.commands.report",
    "export": "suite.commands.export",
    "merge": "suite.commands.export",
    "check": "suite.commands.check",
    "list": "suite.commands.listing",
    "archive": "suite.commands.archive",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"suite: no command {words[0]!r}; there are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from suite.checkpoints import network
    from suite.errors import BadInput

    network.hold()  # libraries stay off the network; only the models a task names are downloaded
    try:
        importlib.import_module(COMMANDS[words[0]]).main(words)
    except BadInput as error:
        print(f"suite: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("suite: interrupted; the same command continues from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
