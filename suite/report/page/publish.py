"""Writing a report: as a whole in the place of an earlier one, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from suite.errors import BadInput


def publish(out: Path, make: Callable[[Path], None], sometimes: Sequence[str] = ()) -> None:
    """Have `make` write its files into a draft folder, then move them to `out`.

    Of `sometimes`, the names that not every report has, those are removed from `out` that this one
    does not have; other files there are left alone. `BadInput` where `out` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".report-") as name:
            draft = Path(name)
            make(draft)
            kept = {made.name for made in draft.iterdir()}
            for made in draft.iterdir():
                made.replace(out / made.name)
            for missing in {*sometimes} - kept:
                (out / missing).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from None
