"""What a frozen vision tower makes of pictures: computed once, kept in memory or on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from suite import resources
from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture

MEMORY = 256 * 2**20  # bytes

Encoded = dict[str, torch.Tensor]
"""Of one picture, on the CPU: ``features`` (n, hidden), a row for each of its n tokens, and
``grid`` (3,), frames, rows and columns of patches, where the model wants to know them."""


class Features:
    """Each picture is encoded once, the first time that `learn` meets it, one at a time.

    One at a time, so that features depend on the picture alone and not on its company.

    Up to `memory` bytes of features are kept in memory and nothing is written. A set that grows
    beyond goes to disk, those before included, a file per picture below `store` (None: the user's
    cache, `resources.cache`), memory-mapped when used, so that another process finds all of them. A
    handle looks there before it encodes. Files lie in a folder named by `key()`, a digest of all
    that features depend on but the picture. One that is damaged is made again.
    """

    def __init__(
        self,
        encode: Callable[[Picture], Encoded],
        key: Callable[[], str],
        store: Path | None = None,
        memory: int = MEMORY,
    ) -> None:
        self._encode, self._key, self._store, self._memory = encode, key, store, memory
        self._held: dict[str, Encoded] = {}
        self._bytes = 0
        self._rows: dict[str, int] = {}
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """Where these features are stored, if they are."""
        if self._folder is None:
            self._folder = (self._store or resources.cache("features")) / self._key()
        return self._folder

    def learn(self, pictures: Iterable[Picture]) -> None:
        """Encode those of `pictures` that are new, in order."""
        for picture in pictures:
            if picture.digest not in self._rows:
                encoded = self._find(picture)
                self._rows[picture.digest] = len(encoded["features"])

    def rows(self, picture: Picture) -> int:
        """How many tokens the learnt `picture` takes."""
        return self._rows[picture.digest]

    def get(self, picture: Picture) -> Encoded:
        """The features of a learnt picture."""
        if picture.digest in self._held:
            return self._held[picture.digest]
        # Its sum was right when it was learnt; reading all of it each time would take too long.
        found = _read(self._path(picture.digest), check=False)
        return self._find(picture) if found is None else found

    def _find(self, picture: Picture) -> Encoded:
        if self.folder.is_dir():
            found = _read(self._path(picture.digest), check=True)
            if found is not None:
                return found
        encoded = self._encode(picture)
        self._bytes += sum(tensor.nbytes for tensor in encoded.values())
        if self._bytes <= self._memory:
            self._held[picture.digest] = encoded
            return encoded
        for digest, waiting in (*self._held.items(), (picture.digest, encoded)):
            _write(self._path(digest), waiting)
        self._held.clear()
        return encoded

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.safetensors"


def _write(path: Path, encoded: Encoded) -> None:
    """Write a file of features whole: under a name of its own first."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(encoded, draft, metadata={"sha256": _sum(encoded)})
        draft.replace(path)
    except (OSError, SafetensorError) as error:
        draft.unlink(missing_ok=True)
        raise BadInput(
            f"{path.parent}: features of pictures cannot be written ({error}); MERGE_SUITE_CACHE"
            " names another folder"
        ) from None


def _read(path: Path, check: bool) -> Encoded | None:
    """The features in a file, memory-mapped; None when there is none or it is damaged.

    Every bit is compared with the stored sum if `check`, else only the file's header and length.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            encoded: Encoded = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            said = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    if "features" not in encoded or (check and said != _sum(encoded)):
        return None
    return encoded


def _sum(encoded: Encoded) -> str:
    return digest_of(encoded.items())


def digest_of(tensors: Iterable[tuple[str, torch.Tensor]], more: str = "") -> str:
    """sha256 over the names, types, shapes and bits of `tensors`, and over `more`."""
    whole = hashlib.sha256(more.encode())
    for name, tensor in sorted(tensors, key=lambda named: named[0]):
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        whole.update(flat.view(torch.uint8).numpy().data)
    return whole.hexdigest()
