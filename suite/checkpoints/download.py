"""Files of a commit on the Hub into the Hub's own cache: how much is missing, and the download.

What is meant is said by patterns of file names. Progress is shown on standard error, an interrupt ends
a download at once, and what is whole in the cache is not downloaded again. huggingface_hub is imported
inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from suite.checkpoints.network import explained, interruptible, online, quiet


def missing(
    name: str, repo: str, commit: str, patterns: Sequence[str], kind: str = "model"
) -> dict[str, int]:
    """Bytes of each file of these patterns that is not in the cache; `kind` is model or dataset.

    `BadInput`, which calls the repository by its `name`, when the Hub refuses or cannot be reached.
    """
    from huggingface_hub import snapshot_download

    silent = _counter(lambda _: None, lambda: False)
    with explained(name, kind), online(), quiet():
        planned: Any = snapshot_download(
            repo,
            repo_type=kind,
            revision=commit,
            allow_patterns=list(patterns),
            dry_run=True,
            tqdm_class=silent,
        )
    return {file.filename: int(file.file_size or 0) for file in planned if file.will_download}


def fetch(name: str, repo: str, commit: str, patterns: Sequence[str], kind: str = "model") -> Path:
    """The snapshot's folder in the cache, once all files of these patterns are there.

    `kind` is model or dataset. `BadInput`, which calls the repository by its `name`, when the Hub refuses
    or the connection breaks for good; what has arrived by then is kept.
    """
    from huggingface_hub import snapshot_download
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    total = sum(missing(name, repo, commit, patterns, kind).values())
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True))
    with explained(name, kind), online(), quiet(), bar, interruptible() as stopped:
        row = bar.add_task(f"download {repo}", total=total)
        folder = snapshot_download(
            repo,
            repo_type=kind,
            revision=commit,
            allow_patterns=list(patterns),
            tqdm_class=_counter(lambda done: bar.update(row, completed=done), stopped),
        )
    return Path(folder)


def has(repo: str, file: str, kind: str = "model") -> bool:
    """Whether ``main`` of a repository has a file; false where there is no such repository."""
    from huggingface_hub import HfApi

    with explained(repo, kind), online():
        return HfApi().file_exists(repo, file, repo_type=kind)


def _counter(show: Callable[[int], None], stopped: Callable[[], bool]) -> Any:
    """A tqdm class that draws nothing and calls `show` with the bytes that have arrived.

    The library keeps one such bar for the network and one for the disk; the one ahead counts. It
    would finish the files it is at before it heeds an interrupt: a bar that is `stopped` ends them.
    """
    from tqdm.auto import tqdm

    class Counter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.bytes = 0 if options.get("unit") == "B" else None
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            if stopped():
                raise KeyboardInterrupt
            if self.bytes is not None:
                self.bytes += int(n or 0)
                furthest[0] = max(furthest[0], self.bytes)
                show(furthest[0])

    furthest = [0]
    return Counter
