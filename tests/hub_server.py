"""A Hub on loopback: enough of its protocol to download and to upload models, and to fail on demand.

>>> with HubServer() as hub:                                          # doctest: +SKIP
...     hub.add("org/name", {"config.json": b"{}"})
...     hub.get("org/name").gated = True

`HubServer.environment(home)` is what a subprocess needs to talk to it. In this process the
fixture of a test replaces huggingface_hub's constants, which are read at import: `redirect`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub_protocol import Handler
from tests.hub_repository import Repo, Request


class HubServer:
    """Repositories by name on a free port of 127.0.0.1, for as long as the context lasts."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}  # what came through LFS, by sha256
        handler = type("Handler", (Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, files: Mapping[str, bytes] | Path) -> str:
        """A repository with one commit on ``main``, of a mapping or of a folder; returns its hash."""
        if isinstance(files, Path):
            files = {path.name: path.read_bytes() for path in files.iterdir() if path.is_file()}
        self.repos[name] = Repo()
        return self.repos[name].commit(files)

    def get(self, name: str) -> Repo:
        return self.repos[name]

    def fetched(self, end: str) -> list[Request]:
        """The GET requests for files whose name ends in `end`."""
        return [r for r in self.requests if r.method == "GET" and r.path.endswith(end)]

    def environment(self, home: Path) -> dict[str, str]:
        """Variables of a subprocess whose Hub this is and whose cache lies under `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "",
            "TRANSFORMERS_OFFLINE": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def redirect(self, monkeypatch: Any, home: Path, offline: bool = False) -> None:
        """Point huggingface_hub of this process here, its cache under `home`."""
        from huggingface_hub import constants

        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HF_HUB_OFFLINE", "1" if offline else "0")
        monkeypatch.delenv("SUITE_HUB_HELD", raising=False)
        monkeypatch.setattr(constants, "ENDPOINT", self.url)
        template = self.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
