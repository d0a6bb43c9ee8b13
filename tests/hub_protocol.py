"""What the Hub answers over HTTP, as far as models and data sets are read and uploaded.

`_ROUTES` lists the paths that `Handler` knows and which of its methods answers each.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.hub_repository import Repo, Request

if TYPE_CHECKING:
    from tests.hub_server import HubServer

LARGE = (".safetensors", ".bin", ".pt", ".xz")  # what the Hub keeps in LFS


def blob_id(content: bytes) -> str:
    """git's sha1 of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers one request to `hub`."""

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
        if not self._logged_in():
            self._error(401)
            return
        found = self._commit(name, revision)
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
_KIND = "(?:models|datasets)"
_ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"/api/whoami-v2", Handler.whoami),
    (r"/api/validate-yaml", Handler.validate),
    (r"/api/repos/create", Handler.create),
    (rf"/api/{_KIND}/{_REPO}/preupload/(.+)", Handler.preupload),
    (rf"/api/{_KIND}/{_REPO}/commit/(.+)", Handler.upload),
    (rf"/api/{_KIND}/{_REPO}/tree/([^/]+).*", Handler.tree),
    (rf"/api/{_KIND}/{_REPO}/revision/(.+)", Handler.info),
    (rf"/api/{_KIND}/{_REPO}", Handler.info),
    (rf"/(?:datasets/)?{_REPO}\.git/info/lfs/objects/batch", Handler.batch),
    (r"/lfs/([0-9a-f]{64})", Handler.store),
    (rf"/(?:datasets/)?{_REPO}/resolve/([^/]+)/(.+)", Handler.file),
]
