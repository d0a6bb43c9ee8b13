"""What tests of several commands share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suite.__main__ import main
from suite.records import folder as folders
from tests.commands import small_math
from tests.commands.exporting import Call, Said
from tests.commands.reproducing import Reproduce, given, row_model
from tests.hub_server import HubServer


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> small_math.Small:
    """The models and data sets of the published maths searches, tiny."""
    return small_math.make(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_vlm(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The models and data sets of the published Japanese VLM, tiny: a `small_7b.Small`."""
    from tests.commands import small_7b

    return small_7b.make(tmp_path_factory.mktemp("small_vlm"))


@pytest.fixture(scope="module")
def published_hub(
    small: small_math.Small, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A Hub with what ja_math_7b and its published rows name, at the revisions that they name."""
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        server.redirect(patch, home)
        models = {**small_math.named("ja_math_7b"), "evolved": row_model("evollm_jp_v1_7b")}
        for name, model in models.items():
            repo, _, revision = model.partition("@")
            server.add(repo, small.models[name])
            server.get(repo).put(revision, server.get(repo).files)
        yield SimpleNamespace(server=server, home=home)


@pytest.fixture(scope="module")
def maths_hub(
    small: small_math.Small, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A Hub that has what the maths tasks name, at the commits that they name; pickles on main."""
    tasks = ("ja_math_7b", "ja_math_10b", "ja_math_10b_dfs")
    named = {name: model for task in tasks for name, model in small_math.named(task).items()}
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        server.redirect(patch, home)
        patch.setenv("MERGE_SUITE_CACHE", str(home))
        for name, model in named.items():
            repo, _, revision = model.partition("@")
            files = {path.name: path.read_bytes() for path in small.models[name].iterdir()}
            left = small_math.pickled(files) if name in ("wizard", "abel") else files
            server.add(repo, left)
            server.get(repo).put(revision, files)
        yield SimpleNamespace(server=server, named=named)


@pytest.fixture
def reproduce(
    published_hub: SimpleNamespace,
    small: small_math.Small,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Reproduce:
    """`suite reproduce` of ja_math_7b, or of another `task`, with these words."""

    def words(*more: object, task: str | None = "ja_math_7b") -> tuple[int, str, str]:
        capsys.readouterr()
        named = [] if task is None else [f"task={task}"]
        code = main(["reproduce", *named, *given(small, tmp_path / "results"), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return words


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """`call("export", …)` in this process: (exit code, standard output, standard error)."""

    def words(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return words


@pytest.fixture(scope="session")
def judged_run(few_items: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the micro task with two objectives and six trials, judged; not to be changed."""
    results = tmp_path_factory.mktemp("results")
    words = [f"results={results}", *few_items]
    assert main(["run", *words, "optimizer=random", "trials=6"]) == 0
    assert main(["judge", *words]) == 0
    return folders.run_folder(results, "ja_math_micro", "random", 0)


@pytest.fixture
def judged_copy(judged_run: Path, tmp_path: Path) -> Path:
    """A copy of the judged run that a test may change."""
    return Path(shutil.copytree(judged_run, tmp_path / "run"))
