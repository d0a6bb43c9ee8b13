"""When this process may talk to the Hub, and what the Hub's refusals mean to a user.

Nothing reaches the network but inside `online`: while `hold` is in force, every other library of
the process is kept off it. huggingface_hub is imported inside functions only.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from suite.errors import BadInput

_HELD = "SUITE_HUB_HELD"  # set when being offline is our default and not the user's wish


def hold() -> None:
    """Keep libraries off the network except inside `online`; the user's own setting wins.

    Call it before huggingface_hub is imported: it reads its environment at import.
    """
    if not (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE")):
        os.environ.update({"HF_HUB_OFFLINE": "1", _HELD: "1"})


@contextmanager
def online() -> Iterator[None]:
    """Lift `hold`, not an offline mode that the user asked for."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if os.environ.get(_HELD) == "1":
        constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of the library's own while it retries: what fails in the end is explained."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Whether an interrupt (Ctrl-C) came, for threads to ask; always false outside the main one."""
    came = threading.Event()

    def interrupt(number: int, frame: Any) -> None:
        came.set()
        signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield came.is_set
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)


@contextmanager
def explained(name: str, kind: str = "model") -> Iterator[None]:
    """Turn what the Hub's library raises about `name`, a model or a dataset, into one line of `BadInput`."""
    from huggingface_hub import errors

    known = (
        OSError,
        RuntimeError,  # hf_xet's
        errors.HFValidationError,
        errors.RevisionResolutionError,
        errors.SafetensorsParsingError,
    )
    try:
        yield
    except Exception as error:
        if not (isinstance(error, known) or _transport(error)):
            raise
        raise BadInput(f"{kind} {name}: {_reason(error)}") from None


def _transport(error: BaseException) -> bool:
    """Whether `error` is of the library's HTTP client, whatever that is called in its version."""
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)


def _reason(error: BaseException) -> str:
    """Why a request failed and what to do, from the first cause that says it."""
    from huggingface_hub import errors

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, errors.HfHubHTTPError):
            return _refusal(seen)
        if isinstance(seen, errors.OfflineModeIsEnabled):
            return "not whole in the cache, and offline mode is on (HF_HUB_OFFLINE=0 turns it off)"
        if _transport(seen):
            return f"no connection to the Hub, or it broke ({type(seen).__name__}); try again"
        if "Consistency check failed" in str(seen):
            return "the download came short; the same command continues"
        if isinstance(seen, OSError) and seen.errno is not None and seen.strerror:
            return f"the Hub's cache cannot be used ({seen.strerror})"
        seen = seen.__cause__ or seen.__context__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _refusal(error: Any) -> str:
    """What an HTTP status of the Hub means to the user."""
    from huggingface_hub import errors

    status, log_in = error.response.status_code, "log in with `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return f"gated ({status}): accept its licence on its page, then {log_in}"
    if isinstance(error, errors.RevisionNotFoundError):
        return "the repository has no such revision (404); allowed are a branch, a tag, a commit"
    if isinstance(error, errors.EntryNotFoundError):
        return f"a file of it is not on the Hub ({status})"
    if status in (401, 403):
        return f"no access ({status}): it is private, gated or does not exist; {log_in}"
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        return f"no such repository on the Hub ({status}), and no such local folder"
    return f"the Hub answered {status}; try again later"
