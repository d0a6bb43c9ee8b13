"""`suite archive` from a folder, a file or a data set; and journals at rest in every command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.commands import archive as command
from suite.records import archive, files, packed
from suite.records.folder import run_folder
from suite.records.journal import Journal
from tests.commands.exporting import Call
from tests.hub_server import HubServer
from tests.records.test_archive import NAME, expected, fill, tree

REPO = "org/results"


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    archive.make(fill(tmp_path / "from"), NAME, tmp_path / "archives")
    return tmp_path / "archives"


@pytest.fixture
def hub(
    archives: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[HubServer]:
    """A Hub with the archives as a data set, which is the configured one."""
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")
    monkeypatch.setattr(command, "_dataset", lambda: f"{REPO}@main")
    server.add(REPO, tree(archives))
    yield server


@pytest.mark.parametrize("where", ["archives", "archives/task/v1.tar.xz"])
def test_pull_from_a_folder_or_a_file(
    archives: Path, tmp_path: Path, call: Call, where: str
) -> None:
    words = ("archive", "pull", NAME, f"from={tmp_path / where}", f"results={tmp_path / 'to'}")
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert "task/v1: 2 runs, 6 files, " in out and "6 files new, 0 were there" in out
    assert tree(tmp_path / "to") == expected()
    assert "0 files new, 6 were there" in call(*words)[1]


def test_pull_from_the_configured_data_set(hub: HubServer, tmp_path: Path, call: Call) -> None:
    code, out, err = call("archive", "pull", NAME, f"results={tmp_path / 'to'}")
    assert code == 0, err
    assert tree(tmp_path / "to") == expected()
    assert f"in {tmp_path / 'to' / 'task'}: 6 files new" in out


def test_a_download_that_breaks_goes_on(hub: HubServer, tmp_path: Path, call: Call) -> None:
    hub.get(REPO).broken = {"task/v1.tar.xz": 2}
    code, _, err = call("archive", "pull", NAME, f"results={tmp_path / 'to'}")
    assert code == 0, err
    assert len(hub.fetched("v1.tar.xz")) > 2
    assert tree(tmp_path / "to") == expected()


def test_a_damaged_download_is_refused_and_comes_anew(
    hub: HubServer, tmp_path: Path, call: Call
) -> None:
    hub.get(REPO).corrupt = {"task/v1.tar.xz"}
    words = ("archive", "pull", NAME, f"results={tmp_path / 'to'}")
    code, _, err = call(*words)
    assert code == 2 and "its sha256 is not the manifest's" in err and err.count("suite:") == 1
    assert not (tmp_path / "to").exists()
    hub.get(REPO).corrupt = set()
    assert call(*words)[0] == 0
    assert tree(tmp_path / "to") == expected()


def test_what_the_hub_refuses_is_one_line(hub: HubServer, tmp_path: Path, call: Call) -> None:
    to = f"results={tmp_path / 'to'}"
    cases = {
        ("task/v9", f"from={REPO}"): f"archive task/v9: not in {REPO}; suite archive list from=",
        (NAME, "from=org/none"): "dataset org/none: ",
        (NAME, f"from={REPO}@v7"): f"dataset {REPO}: the repository has no such revision",
        (NAME, "from=nowhere"): "archive: from=nowhere: no such folder or file; allowed are",
    }
    for (name, where), said in cases.items():
        code, _, err = call("archive", "pull", name, where, to)
        assert code == 2 and said in err, (name, where, err)
    assert not (tmp_path / "to").exists()


def test_list_says_what_there_is(hub: HubServer, archives: Path, call: Call) -> None:
    here = call("archive", "list", f"from={archives}")
    assert here[:2] == call("archive", "list")[:2]
    assert here[1].startswith("task/v1: 2 runs, 6 files, 0.00 MB, unpacked 0.03")
    assert not hub.fetched("v1.tar.xz")


def test_push_publishes_once(hub: HubServer, archives: Path, call: Call) -> None:
    words = ("archive", "push", NAME, f"out={archives}", "to=org/new", "--yes")
    code, out, err = call(*words)
    assert code == 0, err
    assert out.endswith(f"{hub.url}/datasets/org/new\n")
    assert tree(archives).items() <= hub.get("org/new").files.items()
    assert "org/new has task/v1 already" in call(*words)[1]
    assert len(hub.get("org/new").uploaded) == 1


def test_push_never_changes_a_version(
    hub: HubServer, archives: Path, tmp_path: Path, call: Call
) -> None:
    fill(tmp_path / "other", {"nsga2/seed=1/config.yaml": b"x\n"})
    archive.make(tmp_path / "other", NAME, tmp_path / "second")
    before = dict(hub.get(REPO).files)
    code, _, err = call("archive", "push", NAME, f"out={tmp_path / 'second'}", "--yes")
    assert code == 2 and f"{REPO}: has another archive {NAME}; a version never changes" in err
    assert hub.get(REPO).files == before


def test_push_adds_to_what_is_there(
    hub: HubServer, archives: Path, tmp_path: Path, call: Call
) -> None:
    archive.make(tmp_path / "from", "task/v2", archives)
    before = dict(hub.get(REPO).files)
    assert call("archive", "push", "task/v2", f"out={archives}", "--yes")[0] == 0
    assert set(hub.get(REPO).files) == {*before, "task/v2.json", "task/v2.tar.xz"}
    assert before.items() <= hub.get(REPO).files.items()


def test_push_asks(
    hub: HubServer, archives: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("archive", "push", NAME, f"out={archives}", "to=org/new")
    assert call(*words)[0] == 2
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    code, out, _ = call(*words)
    assert code == 0 and out.endswith("not uploaded\n") and "org/new" not in hub.repos


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "archive: say which: list, pull TASK/VERSION"),
        (("burn",), "archive: say which"),
        (("pull",), "archive pull: no name: allowed are"),
        (("pull", NAME, "out=x"), "archive pull: task/v1 out=x: allowed are"),
        (("pull", NAME, "--yes"), "archive pull: --yes: allowed are"),
        (("list", "x"), "archive list: x: allowed are"),
        (("pack",), "archive pack: no name"),
        (("pack", "nowhere"), "archive pack: nowhere: no such folder"),
        (("pull", "v1"), "archive 'v1': name it TASK/VERSION"),
        (("push", NAME, "to=x", "--yes"), "archive push to=…: name a repository as org/name"),
    ],
)
def test_bad_words_are_one_line(call: Call, words: tuple[str, ...], said: str) -> None:
    code, _, err = call("archive", *words)
    assert code == 2 and said in err and err.count("\n") == 1


def test_the_configured_data_set_is_named() -> None:
    repo, _, revision = command._dataset().partition("@")
    assert repo.count("/") == 1 and revision


# -- journals at rest, in every command -----------------------------------------------------------


def pack(call: Call, folder: Path) -> str:
    code, out, err = call("archive", "pack", folder)
    assert code == 0, err
    assert list(folder.rglob("*.jsonl.gz"))
    return out


@pytest.fixture
def judged_results(judged_run: Path, tmp_path: Path) -> Path:
    """The results folder of the judged run, to be changed."""
    return Path(shutil.copytree(judged_run.parents[2], tmp_path / "results"))


def test_pack_and_unpack_give_back_every_byte(judged_results: Path, call: Call) -> None:
    before = tree(judged_results)
    out = pack(call, judged_results)
    assert out.startswith(f"{judged_results}: packed 3 files, ")
    assert not {name for name in tree(judged_results) if name.endswith(packed.NAMES)}
    assert call("archive", "unpack", judged_results)[0] == 0
    assert tree(judged_results) == before


def test_a_run_that_is_being_judged_is_passed_over(judged_results: Path, call: Call) -> None:
    run = run_folder(judged_results, "ja_math_micro", "random", 0)
    with files.alone(run):
        out = call("archive", "pack", judged_results)[1]
    assert out.count("another process is judging this run: passed over") == 2
    assert (run / "trials.jsonl").exists() and (run / "judged.jsonl").exists()


def test_a_report_of_packed_results_is_the_same(judged_results: Path, call: Call) -> None:
    words = ("report", "task=ja_math_micro", f"results={judged_results}")
    assert call(*words, f"out={judged_results.parent / 'plain'}")[0] == 0
    pack(call, judged_results)
    assert call(*words, f"out={judged_results.parent / 'packed'}")[0] == 0
    plain, other = (tree(judged_results.parent / name) for name in ("plain", "packed"))
    assert plain == other


def test_a_finished_run_stays_packed_and_a_longer_one_goes_on(
    judged_results: Path, few_items: list[str], call: Call
) -> None:
    run = run_folder(judged_results, "ja_math_micro", "random", 0)
    whole = (run / "trials.jsonl").read_bytes()
    pack(call, judged_results)
    words = ("run", f"results={judged_results}", *few_items, "optimizer=random")
    before = tree(run)
    code, out, err = call(*words, "trials=6")
    assert code == 0, err
    assert tree(run) == before and "trials.jsonl.gz" in out
    assert call("judge", f"results={judged_results}", *few_items)[0] == 0
    assert tree(run) == before
    assert call(*words, "trials=7")[0] == 0
    assert (run / "trials.jsonl").read_bytes().startswith(whole)
    assert len(Journal(run / "trials.jsonl").read()) == 7
    assert not (run / "trials.jsonl.gz").exists()


def test_a_packed_trial_is_exported(judged_results: Path, tmp_path: Path, call: Call) -> None:
    run = run_folder(judged_results, "ja_math_micro", "random", 0)
    assert call("export", run, tmp_path / "plain", "--pick", "knee")[0] == 0
    pack(call, judged_results)
    assert call("export", run, tmp_path / "packed", "--pick", "knee")[0] == 0
    first, second = (tree(tmp_path / name) for name in ("plain", "packed"))
    assert {n: c for n, c in first.items() if n != "README.md"} == {
        n: c for n, c in second.items() if n != "README.md"
    }


def test_damage_in_a_packed_journal_is_one_line_everywhere(
    judged_results: Path, few_items: list[str], tmp_path: Path, call: Call
) -> None:
    run = run_folder(judged_results, "ja_math_micro", "random", 0)
    pack(call, judged_results)
    stored = run / "trials.jsonl.gz"
    stored.write_bytes(stored.read_bytes()[:-30])
    results = f"results={judged_results}"
    for words in (
        ("run", results, *few_items, "optimizer=random", "trials=7"),
        ("judge", results, *few_items),
        ("report", results),
        ("export", run, tmp_path / "out", "--trial", "0"),
        ("archive", "unpack", judged_results),
        ("archive", "make", "ja_math_micro/v1", results, f"out={tmp_path / 'a'}"),
    ):
        code, _, err = call(*words)
        assert code == 2, words
        assert f"{stored}: damaged, no whole gzip file" in err and "Traceback" not in err
