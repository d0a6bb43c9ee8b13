"""`python -m zoo.instances conf`: task instances from the embedded family, for claims across tasks.

What varies is the parents, what is searched, the pair of objectives and the items; see
docs/instances.md. The design is balanced over 12 instances: each parent set and each pair of
objectives four times, every combination of them at least once, every space twice, over other parents
and other objectives.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from suite import resources
from suite.errors import BadInput
from suite.records import files

FAMILY = "ja_math_micro"
EXPERTS = {"add": ("math_add",), "mul": ("math_mul",), "all": ("math_add", "math_mul")}
PAIRS = (("ja_math", "ja_general"), ("en_math", "ja_general"), ("ja_math", "en_math"))
MOST = 999  # of one seed: instances of two seeds share no draw of items


@dataclass(frozen=True)
class Space:
    """What is searched: in words, a file of conf/merge, and what the task changes in it."""

    words: str
    merge: str
    changes: str = ""


_GROUPS = "merge:\n  groups: {}\n  searched:\n    weight: {{scope: group}}\n"
SPACES = (
    Space("SLERP, t by layer", "slerp", "merge:\n  sources: [japanese, {expert}]\n"),
    Space("task arithmetic, weights by source", "task_arithmetic_source"),
    Space("task arithmetic, weights by 3 groups", "task_arithmetic", _GROUPS.format(3)),
    Space("task arithmetic, weights by layer", "task_arithmetic"),
    Space("TIES, weights by 2 groups, densities", "ties", _GROUPS.format(2)),
    Space("DARE-TIES, weights and densities by source", "dare_ties"),
)
_LEFT_OUT = {"three experts": "two experts", "0.4/0.3/0.3": "0.4/0.3"}


@dataclass(frozen=True)
class Instance:
    """Instance `number`, 1 to 999, of a `seed`; every property follows from the two."""

    number: int
    seed: int = 0

    @property
    def name(self) -> str:
        return f"{FAMILY}_{f's{self.seed}_' if self.seed else ''}i{self.number:02d}"

    @property
    def space(self) -> Space:
        return SPACES[(self.number - 1) % len(SPACES)]

    @property
    def parents(self) -> str:
        """A key of `EXPERTS`; SLERP takes two models."""
        turn, row = divmod(self.number - 1, len(SPACES))
        known = [k for k in EXPERTS if self.space.merge != "slerp" or len(EXPERTS[k]) == 1]
        return known[(row + turn) % len(known)]

    @property
    def objectives(self) -> tuple[str, str]:
        """One of `PAIRS`: found by trying all linear rules for the balance that is wanted."""
        turn, row = divmod(self.number - 1, len(SPACES))
        return PAIRS[(row + 2 * turn + 2 * (row // 3)) % len(PAIRS)]

    @property
    def items_seed(self) -> int:
        return self.seed * (MOST + 1) + self.number

    @property
    def text(self) -> str:
        """The task's YAML file."""
        experts = EXPERTS[self.parents]
        models = ["base", "japanese", *experts]
        lines = [
            f"# Instance {self.number}: {', '.join(models[1:])}; {self.space.words};"
            f" {' and '.join(self.objectives)}; item draw {self.items_seed}.",
            "defaults:",
            f"  - /merge@merge: {self.space.merge}",
            *(f"  - /evaluator@evaluators.{o}: {o}_micro_drawn" for o in self.objectives),
            *(f"  - /objective@objectives.{o}: {o}" for o in self.objectives),
            "  - _self_",
            "",
            f"name: {self.name}",
            "base: base",
            "models:",
            *(f"  {model}: zoo:{FAMILY}/{model}" for model in models),
            f"baselines: {FAMILY if self.parents == 'all' else f'{FAMILY}_{self.parents}'}",
            f"items_seed: {self.items_seed}    # of the draws of search and select items",
        ]
        return "\n".join(lines) + "\n" + self.space.changes.replace("{expert}", experts[0])


def instances(count: int, seed: int = 0) -> list[Instance]:
    """The first `count` instances of `seed`; fewer or more do not change one."""
    if not 1 <= count <= MOST or seed < 0:
        raise BadInput(f"count {count}, seed {seed}: allowed are 1 to {MOST}, and 0 or more")
    return [Instance(number, seed) for number in range(1, count + 1)]


def baselines(parents: str) -> dict[str, str]:
    """The family's hand-tuned recipes by file name, without the experts that `parents` lacks."""
    absent = [model for model in EXPERTS["all"] if model not in EXPERTS[parents]]
    found = {}
    for path in sorted((resources.data("baselines") / FAMILY).glob("*.yaml")):
        if not any(model in path.stem for model in absent):
            text = path.read_text(encoding="utf-8")
            for model in absent:
                text = _without(text, model)
            found[path.name] = text
    return found


def _without(text: str, model: str) -> str:
    """A recipe's YAML without one of its inputs, or the random donor made of it."""
    kept, skipped = [], False
    for line in text.splitlines(keepends=True):
        if line.startswith("  - model: "):
            skipped = line.split(": ", 1)[1].strip() in (model, f"shuffled({model} - base, 0)")
        elif not line.startswith("    "):
            skipped = False
        if not skipped:
            kept.append(line)
    text = "".join(kept)
    for before, after in _LEFT_OUT.items():
        text = text.replace(before, after)
    return text


def main(words: list[str] | None = None) -> int:
    """Parse the command line and write the files; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m zoo.instances", description=__doc__)
    parser.add_argument("out", type=Path, help="configuration folder: tasks go into its task/")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0, help="other draws of items")
    parser.add_argument(
        "--baselines", type=Path, help="also write the hand-tuned merges of two parents below this"
    )
    options = parser.parse_args(words)
    made = {}
    try:
        for one in instances(options.count, options.seed):
            made[options.out / "task" / f"{one.name}.yaml"] = one.text
        for parents in ("add", "mul") if options.baselines else ():
            for name, text in baselines(parents).items():
                made[options.baselines / f"{FAMILY}_{parents}" / name] = text
        for path, text in made.items():
            files.make_writable(path.parent)
            files.write_whole(path, text)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
