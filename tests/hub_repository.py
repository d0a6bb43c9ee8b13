"""A repository of the Hub on loopback: what it holds, how it misbehaves, and what is asked of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Files = dict[str, bytes]


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

    def put(self, revision: str, files: Mapping[str, bytes]) -> None:
        """`files` as the commit of that hash, or as what that reference points to."""
        sha = revision if "/" not in revision else "ab" * 20
        self.commits[sha] = dict(files)
        self.refs[revision] = sha

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
