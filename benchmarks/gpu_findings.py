"""What `gpu_check.py` found: one finding a claim, as a table to print and as Markdown for docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

import torch

Verdict = Literal["equal", "within", "refuted", "unchecked"]


@dataclass(frozen=True)
class Finding:
    """A claim about one engine, and what became of it.

    Attributes
    ----------
    engine
        What was asked: ``torch``, ``Triton, staged``, ``generate`` …
    case
        On what: size and type of the models.
    claim
        The merge method, or what was compared.
    verdict
        ``equal`` to the bit, ``within`` the stated tolerance, ``refuted``, or ``unchecked``.
    note
        What differs, by how much is allowed, or why nothing was checked.
    ms, floor_ms
        Median milliseconds, and what the memory alone would take; None where nothing was timed.
    """

    engine: str
    case: str
    claim: str
    verdict: Verdict
    note: str = ""
    ms: float | None = None
    floor_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain types, one key an attribute."""
        return asdict(self)


def tried(engine: str, case: str, claim: str, check: Callable[[], Finding]) -> Finding:
    """The finding of `check`; one that breaks is refuted, but for too little memory.

    Any error counts: a kernel that cannot be compiled or run is no better than one that is wrong.
    """
    try:
        return check()
    except (MemoryError, torch.OutOfMemoryError) as error:
        return Finding(engine, case, claim, "unchecked", f"out of memory: {_line(error)}")
    except Exception as error:
        return Finding(engine, case, claim, "refuted", f"{type(error).__name__}: {_line(error)}")


def table(about: str, findings: Sequence[Finding]) -> str:
    """Everything for a terminal: a line per engine and case, the times, what failed by name."""
    lines = [
        about,
        "",
        f"{'engine':<18}{'case':<34}{'equal':>7}{'within':>8}{'refuted':>9}{'not':>5}",
    ]
    for engine, case, counts in _counted(findings):
        equal, within, refuted, unchecked = counts
        lines.append(f"{engine:<18}{case:<34}{equal:>7}{within:>8}{refuted:>9}{unchecked:>5}")
    for case, engines, rows in _timed(findings):
        lines += ["", f"{case}: ms a merge (x memory floor)"]
        lines.append(f"{'':<36}" + "".join(f"{engine:>20}" for engine in engines))
        lines += [f"{claim:<36}" + "".join(f"{c:>20}" for c in cells) for claim, cells in rows]
    for verdict, title in (("refuted", "Refuted"), ("unchecked", "Not checked")):
        named = [f for f in findings if f.verdict == verdict]
        lines += ["", f"{title}: {len(named) or 'nothing'}"]
        lines += [f"  {f.engine} | {f.case} | {f.claim}: {f.note}" for f in named]
    return "\n".join(lines)


def markdown(about: str, findings: Sequence[Finding]) -> str:
    """The same as a page of docs; the first line says what was run, where."""
    lines = [
        "# What a GPU said",
        "",
        about,
        "",
        "| engine | case | equal | within | refuted | not |",
    ]
    lines.append("|---|---|---|---|---|---|")
    for engine, case, counts in _counted(findings):
        lines.append(f"| {engine} | {case} | {' | '.join(map(str, counts))} |")
    for case, engines, rows in _timed(findings):
        lines += ["", f"{case}: milliseconds a merge (× the memory's floor)", ""]
        lines += [f"| method | {' | '.join(engines)} |", "|---" * (1 + len(engines)) + "|"]
        lines += [f"| `{claim}` | {' | '.join(cells)} |" for claim, cells in rows]
    notes = [f for f in findings if f.note and f.verdict != "equal"]
    if notes:
        lines += ["", "| engine | case | claim | verdict | |", "|---|---|---|---|---|"]
        lines += [f"| {f.engine} | {f.case} | {f.claim} | {f.verdict} | {f.note} |" for f in notes]
    return "\n".join(lines) + "\n"


def _counted(findings: Iterable[Finding]) -> list[tuple[str, str, list[int]]]:
    """(engine, case, numbers of equal, within, refuted, unchecked), in the order of first sight."""
    found: dict[tuple[str, str], list[int]] = {}
    kinds = ("equal", "within", "refuted", "unchecked")
    for finding in findings:
        counts = found.setdefault((finding.engine, finding.case), [0, 0, 0, 0])
        counts[kinds.index(finding.verdict)] += 1
    return [(engine, case, counts) for (engine, case), counts in found.items()]


def _timed(
    findings: Iterable[Finding],
) -> list[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """Per case with times: its engines, and for each method a cell per engine."""
    timed = [f for f in findings if f.ms is not None]
    found = []
    for case, group in groupby(timed, key=lambda f: f.case):
        own = list(group)
        engines = list(dict.fromkeys(f.engine for f in own))
        cells = {(f.claim, f.engine): _cell(f) for f in own}
        claims = dict.fromkeys(f.claim for f in own)
        rows = [(c, [cells.get((c, engine), "") for engine in engines]) for c in claims]
        found.append((case, engines, rows))
    return found


def _cell(finding: Finding) -> str:
    ratio = "" if not finding.floor_ms else f" ({(finding.ms or 0.0) / finding.floor_ms:.1f})"
    wrong = " refuted" if finding.verdict == "refuted" else ""
    return f"{finding.ms:.2f}{ratio}{wrong}"


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]
