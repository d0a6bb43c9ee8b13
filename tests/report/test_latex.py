"""LaTeX tables: booktabs, every name escaped, every number that of the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import synthetic
from browsing import HOSTILE

from suite.report.load.load import load
from suite.report.rows import latex
from suite.report.rows.tables import Tables


@pytest.fixture(scope="module")
def written(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("tex")
    results = load(frozen, synthetic.TASK)
    names = latex.write(results, Tables.of(results), out)
    return {name: (out / name).read_text(encoding="utf-8") for name in names}


def test_tables_are_whole(written: dict[str, str]) -> None:
    assert [*written] == [
        "strategies.tex", "comparisons.tex", "runtimes.tex", "summary.tex", "baselines.tex",
    ]  # fmt: skip
    for text in written.values():
        columns = len(re.search(r"\\begin\{tabular\}\{(l\w+)\}", text)[1])  # type: ignore[index]
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) > 1
        assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
        assert body.count(r"\midrule") == 1 and text.rstrip().endswith(r"\end{tabular}")
        assert text.startswith("% ja_math_micro: ")


def test_figures_are_those_of_the_tables(frozen: Path, written: dict[str, str]) -> None:
    results = load(frozen, synthetic.TASK)
    rows = [row for row in Tables.of(results).strategies if row.indicator == "hypervolume"]
    assert len(rows) == len(results.optimizers) > 1
    for row in rows:
        numbers = f"{row.median:.3f} [{row.low:.3f}, {row.high:.3f}]"
        line = f"{row.optimizer} & hypervolume & 5 & {numbers} & {row.iqm:.3f} ["
        assert line in written["strategies.tex"]


def test_hostile_names_end_nothing() -> None:
    text = latex.table(["a", "b"], [[HOSTILE + "\n\\end{tabular} % ~^", "x&y"]], "about\n\\this")
    assert text.splitlines()[0] == r"% about \this"
    assert text.count(r"\end{tabular}") == 1
    (row,) = (line for line in text.splitlines() if "script" in line)
    assert row == (
        r"\textless{}script\textgreater{}alert(\textquotedbl{}x\textquotedbl{})"
        r"\textless{}/script\textgreater{}\&\$a\_b\$\textless{}/style\textgreater{}"
        r" \textbackslash{}end\{tabular\} \% \textasciitilde{}\textasciicircum{} & x\&y \\"
    )


def test_signs_that_words_uses_are_latex() -> None:
    assert latex.escape("−1 – ∞ ± 2 %") == r"$-$1 -- $\infty$ $\pm$ 2 \%"
