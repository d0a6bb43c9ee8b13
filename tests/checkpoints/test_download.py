"""Downloads from a Hub on loopback: what comes, what does not, what is taken up again, what is damaged."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite import resources
from suite.checkpoints import hub
from suite.errors import BadInput
from tests.hub_server import HubServer

MICRO = resources.ZOO / "ja_math_micro"
WEIGHTS = "model.safetensors"


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


def test_progress_counts_bytes(server: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.locate("lab/model")
    total = sum(path.stat().st_size for path in (MICRO / "base").iterdir())
    shown = capsys.readouterr().err
    assert f"{total / 1e6:.1f}/{total / 1e6:.1f} MB" in shown, shown


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
