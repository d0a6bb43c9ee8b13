"""Names of Hub models to commits and folders, and what is said of those that cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suite import resources
from suite.checkpoints import hub
from suite.errors import BadInput
from tests.hub_server import HubServer

MICRO = resources.ZOO / "ja_math_micro"
WEIGHTS = "model.safetensors"


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
