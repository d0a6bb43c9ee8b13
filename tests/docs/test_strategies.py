"""docs/strategies.md does what it says: every file and command in it, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script(page: str) -> str:
    """The page as one shell script: files are written, commands run, Python is given to Python."""
    parts = ["set -euo pipefail"]
    for file, language, body in BLOCK.findall(page):
        if file:
            parts.append(f"mkdir -p {Path(file).parent}\ncat > {file} <<'END'\n{body}END")
        else:
            parts.append(body if language == "bash" else f"{language} - <<'END'\n{body}END")
    return "\n".join(parts)


def test_the_page_works_as_written(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        ["bash", "-c", script(PAGE.read_text(encoding="utf-8"))],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    runs = {path.parents[1].name for path in tmp_path.rglob("judged.jsonl")}
    assert runs >= {"neighbours", "random"}
    page = (tmp_path / "results/zdt1/report/index.html").read_text(encoding="utf-8")
    assert "neighbours" in page


def test_every_block_of_the_page_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(page)) == page.count("```") / 2 == 5
