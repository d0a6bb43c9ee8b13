"""Uploads to a Hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.export import push
from tests.hub_server import HubServer

FILES = {"README.md": b"---\ntags: [merge]\n---\n", "model.safetensors": b"w" * 5000}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path / "home")
        monkeypatch.setenv("HF_TOKEN", "hf_anybody")
        yield server


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def whole(out: Path) -> bool:
    return {file.name: file.read_bytes() for file in out.iterdir()} == FILES


def test_a_new_repository_takes_the_folder_in_one_commit(hub: HubServer, out: Path) -> None:
    assert push.upload(out, "org/soup", private=False) == f"{hub.url}/org/soup"
    assert hub.get("org/soup").files == FILES
    assert len(hub.get("org/soup").uploaded) == 1
    assert whole(out)


def test_an_empty_repository_is_used_and_a_filled_one_is_not(hub: HubServer, out: Path) -> None:
    hub.add("org/empty", {".gitattributes": b"*"})
    push.upload(out, "org/empty", private=False)
    assert FILES.items() <= hub.get("org/empty").files.items()
    with pytest.raises(BadInput, match=r"org/empty: exists and is not empty \(409\)"):
        push.upload(out, "org/empty", private=False)
    assert len(hub.get("org/empty").uploaded) == 1
    assert whole(out)


def test_an_empty_public_repository_is_not_taken_for_a_private_one(
    hub: HubServer, out: Path
) -> None:
    hub.add("org/empty", {})
    with pytest.raises(BadInput, match="exists and is public"):
        push.upload(out, "org/empty", private=True)
    assert hub.get("org/empty").files == {}


def test_a_private_upload_makes_a_private_repository(hub: HubServer, out: Path) -> None:
    push.upload(out, "org/mine", private=True)
    assert hub.get("org/mine").private
    assert hub.get("org/mine").files == FILES


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "may not write there"), (404, "no such organisation"), (418, "the Hub refused: ")],
)
def test_a_refusal_is_one_line_and_says_how_to_go_on(
    hub: HubServer, out: Path, status: int, said: str
) -> None:
    hub.add("org/soup", {})
    hub.get("org/soup").status = status
    text = refusal(out)
    assert said in text
    assert f"hf upload org/soup {out}" in text


def refusal(out: Path) -> str:
    with pytest.raises(BadInput) as refused:
        push.upload(out, "org/soup", private=False)
    assert "\n" not in str(refused.value)
    assert whole(out)
    return str(refused.value)


def test_who_is_not_logged_in_is_told_how(
    hub: HubServer, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "the Hub does not know you (401): log in with `hf auth login`" in refusal(out)
    assert not hub.repos


def test_no_connection_and_offline_mode_are_told_apart(
    hub: HubServer, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.redirect(monkeypatch, tmp_path / "home", offline=True)
    assert "offline mode is on" in refusal(out)
    hub.redirect(monkeypatch, tmp_path / "home")
    hub.__exit__()
    assert "no connection to the Hub" in refusal(out)


@pytest.mark.parametrize("name", ["soup", "a/b/c", "org/", "/soup", "org/so up", "org/a--b", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="name a repository as org/name"):
        push.check(name, yes=True)


def test_nobody_to_ask_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(BadInput, match="say --yes"):
        push.check("org/soup", yes=False)
    push.check("org/soup", yes=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    push.check("org/soup", yes=False)


@pytest.mark.parametrize(
    ("typed", "agreed"), [("org/soup", True), (" org/soup ", True), ("yes", False), ("", False)]
)
def test_only_the_repositorys_name_confirms(
    out: Path, monkeypatch: pytest.MonkeyPatch, typed: str, agreed: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("builtins.input", lambda prompt: typed)
    assert push.confirm("org/soup", out, private=True) == agreed
    shown = capsys.readouterr().out
    assert "2 files" in shown
    assert "org/soup, private" in shown
    assert "model.safetensors" in shown


def test_a_closed_terminal_confirms_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert not push.confirm("org/soup", out, private=False)
