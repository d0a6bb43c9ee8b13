"""Checkpoints of the Hugging Face Hub: a name to a commit, a commit to a folder in the Hub's own cache.

Only safetensors weights and the small files beside them are downloaded, never pickles and never
code. What is whole in the cache is used without a request. huggingface_hub is imported inside
functions only.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from suite import resources
from suite.checkpoints import download
from suite.checkpoints.network import explained, online
from suite.errors import BadInput

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SMALL = [
    "config.json",
    "generation_config.json",
    "*processor_config.json",
    "tokenizer*.json",
    "tokenizer*.txt",
    "*.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*.json",
    "vocab*.txt",
    "merges.txt",
    "chat_template*.json",
    "*.jinja",
    "README.md",  # its metadata states the licence
    INDEX,
]
_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([^@\s]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Located:
    """A model on this machine; `repo` and `revision` (a commit hash) of a Hub model only."""

    name: str
    folder: Path
    repo: str | None = None
    revision: str | None = None

    def weights(self) -> list[Path]:
        """Its safetensors files, by name; of a Hub model those that belong to the checkpoint."""
        if self.repo is None:
            return sorted(self.folder.glob("*.safetensors"))
        return [self.folder / file for file in shards(self.folder)]


def parse(name: str) -> tuple[str, str] | None:
    """Repository and revision (``main`` when none is given) of a Hub name; None for local data.

    `BadInput` when `name` is neither ``zoo:…``, nor a local folder, nor ``org/name[@revision]``.
    """
    path = resources.resolve(name)
    if name.startswith("zoo:") or path.is_dir():
        return None
    found = _NAME.fullmatch(name)
    if not found or path.is_file() or ".." in name:
        raise BadInput(
            f"model {name}: no such folder; allowed are a local folder, zoo:NAME,"
            " or a Hub model as org/name or org/name@revision"
        )
    return found[1], found[2] or "main"


def is_commit(revision: str) -> bool:
    """Whether a revision is a full commit hash, which never moves."""
    return bool(_COMMIT.fullmatch(revision))


def pinned(name: str) -> str:
    """``org/name@<commit hash>`` for a Hub name; any other name unchanged.

    A branch or tag is resolved on the Hub, and from the cache when offline or without connection.
    """
    hub = parse(name)
    if hub is None or is_commit(hub[1]):
        return name
    from huggingface_hub import HfApi

    with explained(name), online():
        commit = HfApi().resolve_revision(hub[0], revision=hub[1]).resolved
    return f"{hub[0]}@{commit}"


def locate(name: str) -> Located:
    """The model's folder, downloaded into the Hub's cache if it is not there whole.

    A connection that breaks is taken up where it broke, several times; after a command that was
    stopped, the same command keeps the finished files and begins the others anew. `BadInput` says
    in one line why a model cannot be had.
    """
    if parse(name) is None:
        return Located(name, resources.resolve(name))
    repo, commit = commit_of(pinned(name))
    folder = cached(repo, commit)
    if folder is None:
        folder = download.fetch(name, repo, commit, wanted(name, repo, commit))
    _verify(name, folder)
    return Located(name, folder, repo, commit)


def commit_of(pinned_name: str) -> tuple[str, str]:
    """Repository and commit hash of a pinned Hub name."""
    repo, _, commit = pinned_name.partition("@")
    return repo, commit


def cached(repo: str, commit: str) -> Path | None:
    """The snapshot's folder if all of it is in the cache; never touches the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(repo, revision=commit, allow_patterns=SMALL, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None
    whole = all((folder / file).is_file() for file in ("config.json", *shards(folder)))
    return folder if whole else None


def shards(folder: Path) -> list[str]:
    """Names of the weight files of a checkpoint folder; `BadInput` when its index is damaged."""
    index = folder / INDEX
    if not index.is_file():
        return [SINGLE]
    try:
        files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise BadInput(f"{index}: damaged ({error!r})") from None
    if not files or any(Path(f).name != f or not f.endswith(".safetensors") for f in files):
        raise BadInput(f"{index}: names files that are not safetensors of the same folder")
    return files


def wanted(name: str, repo: str, commit: str) -> list[str]:
    """Patterns of what is downloaded of a repository: its weights and the `SMALL` files.

    Reads the list of files and the index. `BadInput` when there are only pickles, or no weights.
    """
    from huggingface_hub import HfApi, hf_hub_download

    with explained(name), online():
        files = [
            file.rfilename for file in HfApi().model_info(repo, revision=commit).siblings or ()
        ]
        if INDEX in files:
            index = Path(hf_hub_download(repo, INDEX, revision=commit))
            return [*SMALL, *shards(index.parent)]
    if SINGLE in files:
        return [*SMALL, SINGLE]
    pickles = [file for file in files if file.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickles:
        raise BadInput(
            f"model {name}: only pickled weights ({pickles[0]}), which can run code; convert it with"
            " https://huggingface.co/spaces/safetensors/convert, or save it with save_pretrained"
            " on a machine you can lose and name that folder"
        )
    raise BadInput(f"model {name}: neither {SINGLE} nor {INDEX} in the repository")


def missing(name: str, repo: str, commit: str) -> dict[str, int]:
    """Bytes of each file that `locate` would download now."""
    return download.missing(name, repo, commit, wanted(name, repo, commit))


@functools.cache
def sha256(path: Path) -> str:
    """Hex digest of a file's bytes, kept for the life of the process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(name: str, folder: Path) -> None:
    """Compare the snapshot's files with the checksums that the Hub gave; remove what differs.

    The cache names a file after its checksum (sha256 of large files, git's sha1 of small ones)
    and links to it; a cache without links has nothing to compare with.
    """
    for link in (path for path in sorted(folder.rglob("*")) if path.is_symlink()):
        blob = link.parent / os.readlink(link)
        if len(blob.name) == 64:
            found = sha256(link)
        elif len(blob.name) == 40:
            content = link.read_bytes()
            found = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        else:
            continue
        if found != blob.name:
            sha256.cache_clear()
            link.unlink()
            blob.unlink()
            raise BadInput(
                f"model {name}: {link.name} is damaged (its checksum is not the Hub's);"
                " it was removed, the same command downloads it again"
            )
