"""Pages as a reader and a browser see them, for tests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
HOSTILE = '<script>alert("x")</script>&$a_b$</style>'


class Reader(HTMLParser):
    """Collects the visible text, the elements, and every attribute that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.elements: list[str] = []
        self.loads: list[str] = []
        self.data = ""
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self._within = tag if tag in ("script", "style") else ""
        if ("type", "application/json") in attrs:
            self._within = "json"
        self.loads += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "srcset", "action", "poster", "data")
        ]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "json":
            self.data += data
        elif not self._within:
            self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def probed(page: Path, script: str, tmp_path: Path) -> dict[str, Any]:
    """What `script` leaves in the body's data-probe on `page`, opened in a narrow window."""
    html = page.read_text(encoding="utf-8").replace("</body>", script + "</body>")
    (tmp_path / "probe.html").write_text(html, encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM or "", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900",
            "--disable-background-networking", "--enable-logging=stderr", "--dump-dom",
            "--virtual-time-budget=3000", f"--user-data-dir={tmp_path / 'profile'}",
            (tmp_path / "probe.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    probe = re.search(r"data-probe=\"([^\"]*)\"", done.stdout)
    assert probe, "the page's script did not run to its end"
    found: dict[str, Any] = json.loads(unescape(probe[1]))
    return found
