"""A Hub on loopback: enough of its protocol to download and to upload models, and to fail on demand.

>>> with HubServer() as hub:                                          # doctest: +SKIP
...     hub.add("org/name", {"config.json": b"{}"})
...     hub.get("org/name").gated = True

`HubServer.environment(home)` is what a subprocess needs to talk to it. In this process the
fixture of a test replaces huggingface_hub's constants, which are read at import: `redirect`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Files = dict[str, bytes]
LARGE = (".safetensors", ".bin", ".pt")  # what the Hub keeps in LFS


@dataclass
class Repo:
    """A repository: its commits, its branches and tags, and how it misbehaves.

    `gated` refuses files with 403, `private` refuses everything with 401 without a token; `broken`
    maps a file to the number of times its connection closes half way; `corrupt` files arrive with a
    wrong byte; `short` files are a byte shorter than the repository says; `status` answers every
    request with that code; `slow` files trickle, 64 KiB a second.
    """

    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    broken: dict[str, int] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    status: int = 0
    uploaded: list[dict[str, Any]] = field(default_factory=list)

    def commit(self, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Make `files` the whole content of `branch`; returns the commit's hash."""
        text = json.dumps([len(self.commits), branch, sorted(map(str, files))])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.refs[branch] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None

    @property
    def files(self) -> Files:
        """What ``main`` holds: after an upload, what was uploaded."""
        return self.commits[self.refs["main"]]


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    range: str | None


class HubServer:
    """Repositories by name on a free port of 127.0.0.1, for as long as the context lasts."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}  # what came through LFS, by sha256
        handler = type("Handler", (_Handler,), {"hub": self})
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


def blob_id(content: bytes) -> str:
    """git's sha1 of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, _ = unquote(self.path).partition("?")
        self.hub.requests.append(Request(self.command, path, self.headers.get("Range")))
        for pattern, answer in _ROUTES:
            if found := re.fullmatch(pattern, path):
                return answer(self, *found.groups())
        return self._error(404, "EntryNotFound")

    def _send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), Content_Type="application/json")

    def _error(self, status: int, code: str | None = None) -> None:
        self._send(b"{}", status, **({"X_Error_Code": code} if code else {}))

    def _commit(self, name: str, revision: str) -> tuple[Repo, str] | None:
        """The repository and the commit, or None after answering why not."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._error(404, "RepoNotFound")
        elif repo.status:
            self._error(repo.status)
        elif repo.private and not self._logged_in():
            self._error(401)
        elif (sha := repo.resolve(revision)) is None:
            self._error(404, "RevisionNotFound")
        else:
            return repo, sha
        return None

    def info(self, name: str, revision: str | None = None) -> None:
        if found := self._commit(name, revision or "main"):
            repo, sha = found
            siblings = [{"rfilename": file} for file in repo.commits[sha]]
            self._json({"id": name, "modelId": name, "sha": sha, "siblings": siblings})

    def tree(self, name: str, revision: str) -> None:
        if found := self._commit(name, revision):
            repo, sha = found
            self._json([_entry(file, content) for file, content in repo.commits[sha].items()])

    def file(self, name: str, revision: str, file: str) -> None:
        found = self._commit(name, revision)
        if not found:
            return
        repo, sha = found
        content = repo.commits[sha].get(file)
        if content is None:
            self._send(b"", 404, X_Error_Code="EntryNotFound", X_Repo_Commit=sha)
        elif repo.gated:
            self._error(403, "GatedRepo")
        else:
            self._content(repo, sha, file, content)

    def _content(self, repo: Repo, sha: str, file: str, content: bytes) -> None:
        entry = _entry(file, content)
        etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        headers = {"ETag": f'"{etag}"', "X_Repo_Commit": sha, "Accept_Ranges": "bytes"}
        if file in repo.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if file in repo.short and self.command == "GET":
            content = content[:-1]
        status, start, stop, whole = 200, 0, len(content), len(content)
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, stop = int(span[1]), min(whole, int(span[2] or whole) + 1)
            status, headers["Content_Range"] = 206, f"bytes {start}-{stop - 1}/{whole}"
        content = content[start:stop]
        headers["Content_Length"] = str(len(content))
        if self.command == "GET" and repo.broken.get(file, 0) > 0:
            repo.broken[file] -= 1
            self.close_connection = True
            content = content[: len(content) // 2]
        if self.command == "GET" and file in repo.slow:
            self._send(b"", status, **headers)
            return self._trickle(content)
        return self._send(content, status, **headers)

    def _logged_in(self) -> bool:
        return "Authorization" in self.headers

    def _trickle(self, content: bytes) -> None:
        for start in range(0, len(content), 1 << 16):
            try:
                self.wfile.write(content[start : start + (1 << 16)])
            except OSError:  # the client has gone
                self.close_connection = True
                return
            time.sleep(1)

    def create(self) -> None:
        if not self._logged_in():
            return self._error(401)
        asked = json.loads(self.body)
        organization = asked.get("organization") or "me"
        name = f"{organization}/{asked['name']}"
        if name in self.hub.repos:
            return self._send(json.dumps({"url": f"{self.hub.url}/{name}"}).encode(), 409)
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.repos[name] = Repo(private=private)
        self.hub.repos[name].commit({})
        return self._json({"url": f"{self.hub.url}/{name}", "name": name})

    def preupload(self, name: str, revision: str) -> None:
        if self._commit(name, revision):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(self.body)["files"]
            ]
            self._json({"files": files})

    def batch(self, name: str) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{each['oid']}"}}}
            for each in json.loads(self.body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._error(422)
        self.hub.objects[oid] = self.body
        return self._send(b"")

    def upload(self, name: str, revision: str) -> None:
        found = self._commit(name, revision) if self._logged_in() else self._error(401)
        if not found:
            return
        repo, sha = found
        lines = [json.loads(line) for line in self.body.splitlines()]
        files = dict(repo.commits[sha])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                files.pop(value["path"], None)
        repo.uploaded += [line["value"] for line in lines if line["key"] == "header"]
        new = repo.commit(files, revision)
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{new}", "commitOid": new})

    def whoami(self) -> None:
        if not self._logged_in():
            return self._error(401)
        return self._json({"type": "user", "name": "me", "orgs": [], "auth": {}})

    def validate(self) -> None:
        self._json({"errors": [], "warnings": []})


def _entry(file: str, content: bytes) -> dict[str, Any]:
    """A line of the file listing; large files have an LFS record."""
    entry: dict[str, Any] = {"type": "file", "path": file, "size": len(content)}
    entry["oid"] = blob_id(content)
    if file.endswith(LARGE):
        oid = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
    return entry


_REPO = r"([^/]+/[^/]+)"
_ROUTES = [
    (r"/api/whoami-v2", _Handler.whoami),
    (r"/api/validate-yaml", _Handler.validate),
    (r"/api/repos/create", _Handler.create),
    (rf"/api/models/{_REPO}/preupload/(.+)", _Handler.preupload),
    (rf"/api/models/{_REPO}/commit/(.+)", _Handler.upload),
    (rf"/api/models/{_REPO}/tree/([^/]+).*", _Handler.tree),
    (rf"/api/models/{_REPO}/revision/(.+)", _Handler.info),
    (rf"/api/models/{_REPO}", _Handler.info),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"/lfs/([0-9a-f]{64})", _Handler.store),
    (rf"/{_REPO}/resolve/([^/]+)/(.+)", _Handler.file),
]
