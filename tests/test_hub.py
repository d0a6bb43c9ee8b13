"""Hub models against a Hub on loopback: what is downloaded, what is not, and what goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from suite import hub, network, places
from suite.errors import BadInput
from tests.hub_server import HubServer

MICRO = places.ZOO / "ja_math_micro"
WEIGHTS = "model.safetensors"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A Hub with one model, lab/model; this process talks to it. The library never waits."""
    with HubServer() as server:
        server.add("lab/model", MICRO / "base")
        server.redirect(monkeypatch, tmp_path)
        impatient = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
        for module in ("file_download", "utils._http"):
            monkeypatch.setattr(f"huggingface_hub.{module}.time", impatient)
        yield server


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def sharded() -> dict[str, bytes]:
    """The base model in two shards, with a third safetensors file that is none of the model's."""
    from safetensors.torch import load_file, save

    tensors = load_file(MICRO / "base" / WEIGHTS)
    names = sorted(tensors)
    halves = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    found = {p.name: p.read_bytes() for p in (MICRO / "base").iterdir() if p.name != WEIGHTS}
    found |= {file: save({name: tensors[name] for name in some}) for file, some in halves.items()}
    weight_map = {name: file for file, some in halves.items() for name in some}
    found[hub.INDEX] = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
    return {**found, "consolidated.safetensors": b"twice the same"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("org/name", ("org/name", "main")),
        ("org/name-7B.v0_1@v1.0", ("org/name-7B.v0_1", "v1.0")),
        ("org/name@refs/pr/3", ("org/name", "refs/pr/3")),
        ("zoo:ja_math_micro/base", None),
        (str(MICRO / "base"), None),
    ],
)
def test_names(name: str, parts: tuple[str, str] | None) -> None:
    assert hub.parse(name) == parts


@pytest.mark.parametrize(
    "name", ["/no/such", "name", "./a/b", "../b", "a/b/c", "org/name@", "a/b@c@d", "org/.."]
)
def test_other_names_are_refused_with_what_is_allowed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="allowed are a local folder, zoo:NAME, or a Hub model"):
        hub.parse(name)


def test_a_local_folder_of_that_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert hub.parse("org/name") is None and hub.pinned("org/name") == "org/name"
    assert hub.locate("org/name").folder == Path("org/name")


def test_only_weights_and_what_belongs_to_them_are_downloaded(server: HubServer) -> None:
    more = {"README.md": b"# A model", "pytorch_model.bin": b"x", "modeling.py": b"x"}
    more |= {"old.pt": b"x", "consolidated.safetensors": b"x", "trainer_state.json": b"{}"}
    own = {path.name: path.read_bytes() for path in (MICRO / "base").iterdir()}
    sha = server.get("lab/model").commit({**own, **more})
    found = hub.locate("lab/model")
    assert (found.repo, found.revision) == ("lab/model", sha)
    assert files(found.folder) == {*own, "README.md"}
    assert all((found.folder / name).read_bytes() == content for name, content in own.items())


def test_shards_are_those_of_the_index(server: HubServer) -> None:
    server.add("lab/sharded", sharded())
    found = hub.locate("lab/sharded")
    assert [path.name for path in found.weights()] == ["model-1.safetensors", "model-2.safetensors"]
    assert "consolidated.safetensors" not in files(found.folder)


def test_a_branch_is_resolved_and_a_commit_stays(server: HubServer) -> None:
    repo = server.get("lab/model")
    first = hub.pinned("lab/model")
    assert first == f"lab/model@{repo.refs['main']}"
    repo.refs["v1"] = repo.refs["main"]
    second = repo.commit({**repo.files, "README.md": b"# Moved"})
    assert hub.pinned("lab/model@main") == f"lab/model@{second}" != first
    assert hub.pinned("lab/model@v1") == first == hub.pinned(first)
    assert not (hub.locate(first).folder / "README.md").exists()
    assert (hub.locate("lab/model").folder / "README.md").exists()


def test_what_is_in_the_cache_needs_no_request(server: HubServer) -> None:
    name = hub.pinned("lab/model")
    first = hub.locate(name)
    seen = len(server.requests)
    assert hub.locate(name) == first and len(server.requests) == seen


def test_offline_works_from_the_cache_by_branch_too(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    online = hub.locate("lab/model@main")
    server.redirect(monkeypatch, tmp_path, offline=True)
    seen = len(server.requests)
    assert hub.locate("lab/model@main").folder == online.folder
    for name in ("lab/other", f"lab/model@{'0' * 40}"):
        with pytest.raises(BadInput, match=f"{name}: not whole in the cache, and offline"):
            hub.locate(name)
    assert len(server.requests) == seen


def test_a_broken_connection_is_taken_up_where_it_broke(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    server.get("lab/model").broken[WEIGHTS] = 2
    found = hub.locate("lab/model")
    assert (found.folder / WEIGHTS).read_bytes() == (MICRO / "base" / WEIGHTS).read_bytes()
    size = (MICRO / "base" / WEIGHTS).stat().st_size
    ranges = [request.range for request in server.fetched(WEIGHTS)]
    assert ranges[0] is None and len(ranges) == 3
    starts = [int(re.fullmatch(r"bytes=(\d+)-", text)[1]) for text in ranges[1:] if text]  # type: ignore[index]
    assert 0 < starts[0] < starts[1] < size


def test_a_command_that_failed_continues_with_what_is_missing(server: HubServer) -> None:
    server.add("lab/sharded", sharded())
    server.get("lab/sharded").broken["model-2.safetensors"] = 1000
    with pytest.raises(BadInput, match="lab/sharded: no connection to the Hub, or it broke"):
        hub.locate("lab/sharded")
    server.get("lab/sharded").broken.clear()
    before = len(server.requests)
    folder = hub.locate("lab/sharded").folder
    assert (folder / "model-2.safetensors").read_bytes() == sharded()["model-2.safetensors"]
    again = {r.path.rsplit("/")[-1] for r in server.requests[before:] if "/resolve/" in r.path}
    assert again == {"model-2.safetensors"}


@pytest.mark.parametrize("file", [WEIGHTS, "config.json"])
def test_a_damaged_file_is_removed_and_fetched_again(server: HubServer, file: str) -> None:
    server.get("lab/model").corrupt.add(file)
    with pytest.raises(BadInput, match=f"lab/model: {file} is damaged"):
        hub.locate("lab/model")
    server.get("lab/model").corrupt.clear()
    folder = hub.locate("lab/model").folder
    assert (folder / file).read_bytes() == (MICRO / "base" / file).read_bytes()


def test_a_short_file_is_refused(server: HubServer) -> None:
    server.get("lab/model").short.add(WEIGHTS)
    with pytest.raises(BadInput, match="lab/model: the download came short"):
        hub.locate("lab/model")


def test_refusals_say_what_to_do(server: HubServer) -> None:
    server.add("lab/gated", MICRO / "base")
    server.get("lab/gated").gated = True
    server.add("lab/private", MICRO / "base")
    server.get("lab/private").private = True
    server.add("lab/down", MICRO / "base")
    server.get("lab/down").status = 503
    for name, said in (
        ("lab/gated", r"gated \(403\): accept its licence .* `hf auth login` or set HF_TOKEN"),
        ("lab/private", r"no access \(401\).*`hf auth login` or set HF_TOKEN"),
        ("lab/nobody", r"no such repository on the Hub \(404\), and no such local folder"),
        ("lab/model@v9", r"no such revision \(404\)"),
        (f"lab/model@{'0' * 40}", r"no such revision \(404\)"),
        ("lab/down", "the Hub answered 503; try again later"),
    ):
        with pytest.raises(BadInput, match=f"^model {name}: .*{said}") as caught:
            hub.locate(name)
        assert "\n" not in str(caught.value)


def test_no_connection_is_said(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"lab/model: no connection to the Hub"):
        hub.locate("lab/model")


def test_pickles_are_refused_with_the_way_to_convert_them(server: HubServer) -> None:
    server.add("lab/old", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(BadInput, match=r"only pickled weights \(pytorch_model.bin\).*convert it"):
        hub.locate("lab/old")
    server.add("lab/lora", {"config.json": b"{}", "adapter_model.safetensors": b"x"})
    with pytest.raises(BadInput, match=r"neither model\.safetensors nor model\.safetensors\.index"):
        hub.locate("lab/lora")
    assert not server.fetched("pytorch_model.bin") and not server.fetched(
        "adapter_model.safetensors"
    )


def test_an_index_cannot_name_files_elsewhere(server: HubServer) -> None:
    index = json.dumps({"weight_map": {"w": "../../evil.safetensors"}}).encode()
    server.add("lab/evil", {"config.json": b"{}", hub.INDEX: index})
    with pytest.raises(BadInput, match="not safetensors of the same folder"):
        hub.locate("lab/evil")


def test_progress_counts_bytes(server: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.locate("lab/model")
    total = sum(path.stat().st_size for path in (MICRO / "base").iterdir())
    shown = capsys.readouterr().err
    assert f"{total / 1e6:.1f}/{total / 1e6:.1f} MB" in shown, shown


HELD = """
import sys
from suite import network
network.hold()
from huggingface_hub import HfApi, constants
def reached():
    try:
        HfApi().model_info("lab/model")
    except ConnectionError:
        return False
    return True
print(reached(), end=" ")
with network.online():
    print(reached(), end=" ")
print(reached())
"""


@pytest.mark.parametrize(
    ("wish", "reached"),
    [("", "False True False"), ("1", "False False False"), ("0", "True True True")],
)
def test_libraries_are_held_off_the_network_unless_the_user_says(
    server: HubServer, tmp_path: Path, wish: str, reached: str
) -> None:
    environment = {**os.environ, **server.environment(tmp_path), "HF_HUB_OFFLINE": wish}
    done = subprocess.run(
        [sys.executable, "-c", HELD], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == reached, done.stderr


def test_online_gives_the_network_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("SUITE_HUB_HELD", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(KeyError), network.online():
        assert not constants.is_offline_mode()
        raise KeyError
    assert constants.is_offline_mode()


def test_what_an_upload_needs(server: HubServer, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "README.md").write_text("---\nlicense: mit\n---\n# Merged")
    (tmp_path / "out" / WEIGHTS).write_bytes((MICRO / "base" / WEIGHTS).read_bytes())
    api = HfApi(endpoint=server.url, token="hf_test")
    api.create_repo("me/merged", private=True)
    api.upload_folder(repo_id="me/merged", folder_path=tmp_path / "out", commit_message="One")
    assert set(server.get("me/merged").files) == {"README.md", WEIGHTS}
    assert server.get("me/merged").files[WEIGHTS] == (MICRO / "base" / WEIGHTS).read_bytes()
    assert server.get("me/merged").uploaded[0]["summary"] == "One"
    assert server.get("me/merged").private


SMALL_CHUNKS = """
import sys
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 1 << 16
from suite.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_an_interrupt_ends_a_download_at_once(server: HubServer, tmp_path: Path) -> None:
    server.add("lab/slow", {p.name: p.read_bytes() for p in (MICRO / "base").iterdir()})
    server.get("lab/slow").slow.add(WEIGHTS)  # some forty seconds for all of it
    words = ["run", f"results={tmp_path}", "task.models.japanese=lab/slow", "trials=1"]
    process = subprocess.Popen(
        [sys.executable, "-c", SMALL_CHUNKS, *words],
        stderr=subprocess.PIPE,
        env={**os.environ, **server.environment(tmp_path)} | {"HF_HUB_OFFLINE": "0"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not any(r.range is None for r in server.fetched(WEIGHTS)):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=25)
    finally:
        process.kill()
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err and not list(tmp_path.rglob("*.incomplete"))


def in_a_process(server: HubServer, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`suite` in a process of its own, with the settings a user has: none."""
    environment = {**os.environ, **server.environment(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "suite", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done


def test_local_models_never_touch_the_network(
    server: HubServer, tmp_path: Path, few_items: list[str]
) -> None:
    words = [f"results={tmp_path}", *few_items, "trials=1", "optimizer=random"]
    in_a_process(server, tmp_path, "run", *words)
    assert not server.requests


def test_a_search_over_hub_models_from_download_to_judge(
    suite: Callable[..., tuple[int, str, str]],
    few_items: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Downloaded by the first run; continued offline; judged after the branch moved."""
    names = ("base", "japanese", "math_add", "math_mul")
    words = [f"task.models.{name}=lab/{name}" for name in names]
    words += ["optimizer=random", "start=[]", f"results={tmp_path}"]
    path = places.run_folder(tmp_path, "ja_math_micro", "random", 0) / "config.yaml"
    with HubServer() as server:
        commits = {name: server.add(f"lab/{name}", MICRO / name) for name in names}
        done = in_a_process(server, tmp_path / "hf", "run", *words, *few_items, "trials=2")
        assert "download lab/japanese" in done.stderr
        expected = {name: f"lab/{name}@{commits[name]}" for name in names}
        assert yaml.safe_load(path.read_text())["task"]["models"] == expected

        seen = len(server.requests)
        server.redirect(monkeypatch, tmp_path / "hf", offline=True)
        code, _, err = suite("run", *words, "trials=3")
        assert code == 0 and len(server.requests) == seen, err

        server.redirect(monkeypatch, tmp_path / "hf")
        moved = server.get("lab/japanese").commit(server.get("lab/math_mul").files)
        for command in (["check"], ["run", "trials=4"], ["judge"]):
            code, _, err = suite(*command, *words)
            assert code == 0, err
        assert yaml.safe_load(path.read_text())["task"]["models"] == expected
        assert len(path.with_name("trials.jsonl").read_text().splitlines()) == 4

        words[1] = f"task.models.japanese=lab/japanese@{moved}"
        code, _, err = suite("run", *words, "trials=5")
        assert code == 2 and f"there, 'lab/japanese@{moved}' now" in err
