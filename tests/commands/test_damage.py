"""Every file of a results folder, damaged in every way, before every command that reads it.

A damaged file is one clear line that names it, and exit code 2. The card of a run, environment.json, is
a record and no state: a run that goes on says so, keeps the damaged text, and begins a new one.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.__main__ import main
from suite.assembly import compose
from suite.assembly.spec import RunSpec
from suite.records import run_card
from suite.records.folder import RunFolder

Damage = Callable[[Path], object]
RUN = Path("zdt1") / "random" / "seed=0"
CONFIG, ENVIRONMENT = RUN / "config.yaml", RUN / "environment.json"
TRIALS, JUDGED = RUN / "trials.jsonl", RUN / "judged.jsonl"


@functools.cache
def composed(*words: str, as_it_is: Callable[[list[str]], RunSpec] = compose.compose) -> RunSpec:
    return as_it_is(list(words))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three trials, judged; front and families frozen, a claim asked."""
    results = tmp_path_factory.mktemp("results")
    words = ["task=zdt1", f"results={results}"]
    assert main(["run", *words, "optimizer=random", "trials=3"]) == 0
    assert main(["judge", *words]) == 0
    assert main(["run", *words, "optimizer=sobol", "trials=3"]) == 0
    assert main(["report", *words, "freeze=true"]) == 0
    claim = ["claim=random > sobol on zdt1", "seeds=1-6", "trials=1"]
    assert main(["compare", f"results={results}", *claim]) == 0
    return results


@pytest.fixture
def results(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in ``results`` here, to damage; what Hydra composes of words is remembered."""
    monkeypatch.setattr(compose, "compose", lambda words: composed(*words))
    monkeypatch.setattr(compose, "each_job", lambda words, job: job(composed(*words)))
    shutil.copytree(made, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return Path("results")


def commands(results: Path) -> dict[str, list[str]]:
    """The commands that read results, by name."""
    words = ["task=zdt1", f"results={results}"]
    claim = ["claim=random > sobol on zdt1", "seeds=20-25", "trials=3", f"results={results}"]
    part = f"task.path.parts.merge={{run: '{results / RUN}', pick: knee}}"
    return {
        "run": ["run", *words, "optimizer=random", "trials=4"],
        "judge": ["judge", *words],
        "report": ["report", *words],
        "freeze": ["report", *words, "freeze=true"],
        "compare": ["compare", *claim],
        "ledger": ["compare", "--list", *words],
        "export": ["export", str(results / RUN), str(results / "out"), "--pick", "knee"],
        "second stage": ["check", "--fast", "task=ja_math_micro_two_stage", part],
    }


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(content: str) -> Damage:
    return lambda path: path.write_text(content, encoding="utf-8")


def replaced(old: str, new: str) -> Damage:
    def damage(path: Path) -> None:
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new, 1), encoding="utf-8")

    return damage


def keyless(key: str) -> Damage:
    """The last line of a file of JSON lines without this key."""

    def damage(path: Path) -> None:
        *lines, last = path.read_text(encoding="utf-8").splitlines()
        line = json.loads(last)
        del line[key]
        path.write_text("\n".join([*lines, json.dumps(line), ""]), encoding="utf-8")

    return damage


ANY: dict[str, Damage] = {
    "a folder": folder,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\n"),
}
YAML = {
    **ANY,
    "empty": text(""),
    "not YAML": text("a: ["),
    "no date": text("a: 2001-99-99"),
    "a list": text("[1, 2]"),
    "a text": text("zdt1"),
}
LINES = {**ANY, "not JSON": text("{\n"), "a list": text("[1]\n"), "no keys": text("{}\n")}
STORED = ["run", "judge", "report", "freeze", "export", "second stage"]

DAMAGES: list[tuple[Path, dict[str, Damage], list[str]]] = [
    (
        CONFIG,
        {
            **YAML,
            "no task": replaced("task:", "tusk:"),
            "a task that is a list": text("{task: [1], optimizer: random, seed: 0}"),
            "no name": replaced("  name: zdt1\n", ""),
            "no objectives": replaced("objectives:", "objections:"),
            "an objective without metric": replaced("metric:", "metrics:"),
            "no optimizer": replaced("optimizer: random", "optimiser: random"),
            "no seed": replaced("\nseed:", "\nseat:"),
        },
        [*STORED, "compare"],
    ),
    (
        CONFIG,
        {
            "no problem": replaced("problem:", "problems:"),
            "no trials": replaced("trials:", "trails:"),
            "merging that is a list": replaced("merging:\n  mode: auto\n", "merging: [1]\nkept:\n"),
            "inputs that are a text": replaced("inputs:", "inputs: none\nkept:"),
        },
        ["run", "judge", "export", "second stage", "compare"],
    ),
    (
        ENVIRONMENT,
        {
            **ANY,
            "empty": text(""),
            "not JSON": text("{"),
            "a list": text("[]"),
            "packages that are a list": text('{"packages": []}'),
            "continued by nobody": text('{"continued": [1]}'),
        },
        ["report", "freeze"],
    ),
    (
        TRIALS,
        {**LINES, "no recipe": keyless("recipe"), "no losses": keyless("losses")},
        [*STORED, "compare"],
    ),
    (TRIALS, {"a line twice": replaced('"number":1', '"number":0')}, STORED),
    (
        JUDGED,
        {**LINES, **{f"no {key}": keyless(key) for key in ("recipe", "split", "losses", "scores")}},
        ["judge", "report", "freeze", "export", "second stage"],
    ),
    (JUDGED, {"a folder": folder}, ["compare"]),
    (Path("zdt1/claims/ledger.jsonl"), LINES, ["compare", "ledger"]),
    (
        Path("zdt1/families.json"),
        {
            **ANY,
            "not JSON": text("{"),
            "a list": text("[]"),
            "no date": replaced('"date"', '"day"'),
        },
        ["report", "freeze"],
    ),
    (
        Path("zdt1/reference_front.json"),
        {**ANY, "not JSON": text("{"), "a list": text("[]"), "no kind": replaced('"kind"', '"k"')},
        ["report", "freeze"],
    ),
    (
        Path("zdt1/baselines/search.jsonl"),
        {**LINES, "no digest": text('{"inputs": "", "scores": {}}\n')},
        ["run"],
    ),
    (Path("zdt1/baselines/judged.jsonl"), LINES, ["judge", "report", "freeze"]),
    (
        Path("zdt1/hand_tuned/rule.yaml"),
        {
            **YAML,
            "no candidates": text("{stages: {}}"),
            "no stages": text("{candidates: 3}"),
            "stages without numbers": text("{candidates: 3, stages: {ties: many}}"),
        },
        ["judge", "report", "freeze"],
    ),
]
TABLE = [
    pytest.param(file, damage, command, id=f"{file.name}, {kind}: {command}")
    for file, damages, readers in DAMAGES
    for kind, damage in damages.items()
    for command in readers
]


@pytest.mark.parametrize(("file", "damage", "command"), TABLE)
def test_a_damaged_file_is_one_line_that_names_it(
    results: Path,
    file: Path,
    damage: Damage,
    command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = results / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    damage(path)
    capsys.readouterr()
    assert main(commands(results)[command]) == 2
    err = capsys.readouterr().err
    said = err.partition("suite: ")[2].splitlines()  # a bar may stand before it
    assert len(said) == 1 and str(path) in said[0] and "Traceback" not in err


def test_sound_files_are_none_of_this(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command gets past them; two then refuse what the run is."""
    said = {"export": "there is nothing to export", "second stage": "its trials are points"}
    for name, words in commands(results).items():
        capsys.readouterr()
        assert main(words) == (2 if name in said else 0), name
        assert said.get(name, "") in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [folder, ANY["not UTF-8"], *map(text, ("", "{", "[]", '{"continued": 3}'))],
    ids=["a folder", "not UTF-8", "empty", "not JSON", "a list", "continued"],
)
def test_a_damaged_card_does_not_kill_a_run_that_goes_on(
    results: Path, damage: Damage, capsys: pytest.CaptureFixture[str]
) -> None:
    run, card = RunFolder(results / RUN), results / ENVIRONMENT
    damage(card)
    before = None if card.is_dir() else card.read_bytes()
    capsys.readouterr()
    assert main(commands(results)["run"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if str(card) in line]
    assert len(said) == 1 and "kept as environment.json.damaged, and a new one begun" in said[0]
    aside = card.with_name("environment.json.damaged")
    assert aside.is_dir() if before is None else aside.read_bytes() == before
    assert len(run.trials()) == 4 and (run.environment() or {})["packages"]


def test_what_was_set_aside_is_not_overwritten(tmp_path: Path) -> None:
    card = tmp_path / "environment.json"
    names = []
    for content in ("first", "second", "third"):
        card.write_text(content)
        names.append(run_card.set_aside(card).name)
    assert names == [f"environment.json.damaged{end}" for end in ("", "-2", "-3")]
    assert [(tmp_path / name).read_text() for name in names] == ["first", "second", "third"]
