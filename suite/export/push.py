"""Upload to the Hub, after the user has said so twice: an exported folder, or files of a data set."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite.checkpoints.network import online
from suite.errors import BadInput

_REFUSALS = {
    401: "the Hub does not know you (401): log in with `hf auth login` or set HF_TOKEN",
    403: "your token may not write there (403)",
    404: "no such organisation or repository, or none that you may see (404)",
    409: "exists and is not empty (409): name a new repository",
}
_OWN = {".gitattributes"}  # what the Hub itself puts into a new repository


def check(repo: str, yes: bool, option: str = "--push") -> None:
    """Refuse, before any work, a name that is none and an upload that nobody could confirm.

    Parameters
    ----------
    repo : str
        ``org/name``.
    yes : bool
        Whether the user has confirmed already.
    option : str
        What the user called the name by.

    Raises
    ------
    BadInput
        For another name, and without a terminal to confirm on.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo = ""
    if repo.count("/") != 1:
        raise BadInput(f"{option}: name a repository as org/name")
    if not yes and not sys.stdin.isatty():
        raise BadInput(f"{option}: without a terminal to confirm on, say --yes")


def confirm(repo: str, out: Path, private: bool) -> bool:
    """Show what would go up and where, and ask.

    Parameters
    ----------
    repo : str
        ``org/name``.
    out : Path
        The exported folder.
    private : bool

    Returns
    -------
    bool
        True when the user types the repository's name.
    """
    files = sorted(file for file in out.iterdir() if file.is_file())
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} files, {size / 1e6:.1f} MB, go to {repo}, {_kind(private)}:")
    print(f"  {', '.join(file.name for file in files)}")
    return agreed(repo)


def agreed(repo: str) -> bool:
    """Whether the user types the repository's name."""
    try:
        return input(f"type {repo} to upload them: ").strip() == repo
    except EOFError:
        return False


def upload(out: Path, repo: str, private: bool) -> str:
    """Upload a folder as one commit to a new or empty repository.

    Parameters
    ----------
    out : Path
        The exported folder, which stays as it is.
    repo : str
        ``org/name``.
    private : bool

    Returns
    -------
    str
        The repository's address.

    Raises
    ------
    BadInput
        In one line, when the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi

    by_hand = f"{out} is whole, and goes up later by: hf upload {repo} {out}"
    with _explained(f"--push {repo}", by_hand), online():
        api = HfApi()
        _empty_repository(api, repo, private)
        api.upload_folder(repo_id=repo, folder_path=out, commit_message="A merge by merge-suite")
        return f"{api.endpoint}/{repo}"


def add(files: Mapping[str, Path], repo: str, private: bool, message: str) -> str:
    """Add files, by their names there, as one commit to a data set; returns its address.

    A data set that is not there is made; `private` goes for that one alone. `BadInput`, in one line, when
    the Hub refuses or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    with _explained(f"push to {repo}", "nothing was changed there"), online():
        api = HfApi()
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
        api.create_commit(repo, operations, commit_message=message, repo_type="dataset")
        return f"{api.endpoint}/datasets/{repo}"


@contextmanager
def _explained(where: str, by_hand: str) -> Iterator[None]:
    """Turn what the Hub's library raises into one line of `BadInput`."""
    try:
        yield
    except Exception as error:
        known = (OSError, RuntimeError, ValueError)  # the library's own, metadata it refuses too
        if not (isinstance(error, known) or _transport(error)):
            raise
        raise BadInput(f"{where}: {_reason(error)}; {by_hand}") from None


def _transport(error: BaseException) -> bool:
    """Whether `error` is of the library's HTTP client, whatever that is called in its version."""
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)


def _empty_repository(api: Any, repo: str, private: bool) -> None:
    """Create `repo`, or make sure that the one that exists holds nothing and is as private."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.create_repo(repo, private=private, exist_ok=False)
    except HfHubHTTPError as error:
        if _status(error) != 409:
            raise
        there = api.repo_info(repo, files_metadata=False)
        if {file.rfilename for file in there.siblings or []} - _OWN:
            raise
        if bool(there.private) != private:
            raise BadInput(f"--push {repo}: exists and is {_kind(bool(there.private))}") from None


def _reason(error: BaseException) -> str:
    """Say what the first cause that tells it means to the user."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, HfHubHTTPError):
            return _REFUSALS.get(_status(seen), f"the Hub refused: {_one_line(seen)}")
        if isinstance(seen, OfflineModeIsEnabled):
            return "offline mode is on (HF_HUB_OFFLINE=0 turns it off)"
        if _transport(seen) or isinstance(seen, ConnectionError):
            return f"no connection to the Hub, or it broke ({_one_line(seen)})"
        seen = seen.__cause__ or seen.__context__
    return _one_line(error)


def _status(error: Any) -> int:
    return int(error.response.status_code) if error.response is not None else 0


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _kind(private: bool) -> str:
    return "private" if private else "public"
