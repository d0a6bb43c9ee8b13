"""sheet.png: report items with their pictures, and what each model answered, as one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from suite.report.figures.drawing import DPI, INK
from suite.report.figures.lettering import Lettering
from suite.report.rows.answers import Question, Reply, Sheet

ROWS = 12  # items on the figure, shared among the evaluators
LINES = 4  # of a question or an answer
COLOURS = {"right": "#00694c", "partly right": "#7a5b00", "wrong": "#a83c00", "": INK}
DIM = "#6b7480"
# Inches; the columns are the picture, the question and one per model.
MARGIN, GAP, LINE, PICTURE, QUESTION, ANSWER = 0.2, 0.12, 0.165, 0.98, 2.3, 1.5
SIZE = 8.5  # points
ASCENT = 0.9 * SIZE / 72  # from the top of a line to what its letters stand on, in inches


def rows(sheets: Sequence[Sheet]) -> list[tuple[Sheet, tuple[Question, ...]]]:
    """Take the first questions of every sheet with pictures, as many as the figure shows.

    Parameters
    ----------
    sheets : sequence of Sheet

    Returns
    -------
    list of (Sheet, tuple of Question)
    """
    pictured = [sheet for sheet in sheets if sheet.pictured]
    return [(s, s.questions[: max(1, ROWS // len(pictured))]) for s in pictured]


def draw(sheets: Sequence[Sheet], out: Path) -> Path | None:
    """Write sheet.png.

    A letter that only an answer has, and no font, is marked.

    Parameters
    ----------
    sheets : sequence of Sheet
    out : Path
        Folder to write to.

    Returns
    -------
    Path or None
        None, and nothing written, without pictures, and where no font of this machine has all letters
        of the questions and the expected answers.
    """
    shown = rows(sheets)
    if not shown:
        return None
    questions = [question for _, each in shown for question in each]
    replies = [reply for question in questions for reply in question.replies]
    lettering = Lettering.of(
        "".join(question.prompt + question.expected for question in questions),
        "".join(reply.sample.reply + reply.model for reply in replies),
    )
    if lettering is None:
        return None
    figure = _Drawing(lettering, tuple(dict.fromkeys((r.model, r.kind) for r in replies)))
    for sheet, each in shown:
        figure.head(sheet, len(each))
        for question in each:
            figure.row(sheet, question)
    return figure.save(out / "sheet.png")


class _Drawing:
    """A figure that grows downwards; places are inches from its upper left corner."""

    def __init__(self, lettering: Lettering, models: Sequence[tuple[str, str]]) -> None:
        self.lettering = lettering
        self.models = models
        self.width = 2 * MARGIN + PICTURE + QUESTION + ANSWER * len(models) + GAP
        self.y = MARGIN
        self._texts: list[tuple[float, float, str, str, bool]] = []
        self._rules: list[float] = []
        self._pictures: list[tuple[float, float, float, float, Question]] = []

    def head(self, sheet: Sheet, count: int) -> None:
        """Write the name of the evaluator and those of the models."""
        self.y += GAP
        items = "the first report item" if count == 1 else f"the first {count} report items"
        title = f"{sheet.evaluator}: {items}" if sheet.evaluator else items.capitalize()
        self._lines(MARGIN, self.y, [self.lettering.clean(title)], INK, bold=True)
        self.y += 1.6 * LINE
        tall = 0
        for column, (model, kind) in enumerate(self.models):
            lines = self._wrapped(model, ANSWER, 3)
            self._lines(self._column(column), self.y, lines, INK)
            self._lines(self._column(column), self.y + len(lines) * LINE, [kind], DIM)
            tall = max(tall, len(lines) + 1)
        self.y += tall * LINE + GAP / 2

    def row(self, sheet: Sheet, question: Question) -> None:
        """Write one item: its picture, the question with what is expected, the answers."""
        self._rules.append(self.y)
        top = self.y + GAP
        left = MARGIN + PICTURE + GAP
        asked = self._wrapped(question.prompt, QUESTION, LINES)
        wanted = self._wrapped(f"expected: {question.expected}", QUESTION, LINES)
        self._lines(left, top, asked, INK)
        self._lines(left, top + len(asked) * LINE, wanted, DIM)
        tall = (len(asked) + len(wanted)) * LINE
        if question.picture:
            pixels = question.picture.shown(round((PICTURE - 0.02) * DPI))
            width, height = (side / DPI for side in pixels)
            self._pictures.append((MARGIN, top, width, height, question))
            tall = max(tall, height)
        given = {reply.model: reply for reply in question.replies}
        for column, (model, _) in enumerate(self.models):
            if model in given:
                tall = max(tall, self._answer(self._column(column), top, sheet, given[model]))
        self.y = top + tall + GAP

    def _answer(self, x: float, y: float, sheet: Sheet, reply: Reply) -> float:
        """Write an answer under its sign and figures; give the height that it takes."""
        colour = COLOURS[reply.verdict]
        mark = self._wrapped(f"{sheet.mark(reply)} {reply.verdict}", ANSWER, 1)
        said = self._wrapped(reply.sample.reply.strip() or "(nothing)", ANSWER, LINES)
        told = self._wrapped("\n".join(sheet.figures(reply)), ANSWER, 3)
        for lines, ink in ((mark, colour), (said, INK), (told, DIM)):
            self._lines(x, y, lines, ink)
            y += len(lines) * LINE
        return (len(mark) + len(said) + len(told)) * LINE

    def save(self, path: Path) -> Path:
        """Write the finished figure as PNG: same input and fonts, same bytes."""
        height = self.y + MARGIN
        figure = Figure(figsize=(self.width, height), dpi=DPI)
        for x, y, text, colour, bold in self._texts:
            figure.text(
                x / self.width, 1 - y / height, text, color=colour, size=SIZE, va="baseline",
                family=list(self.lettering.families), weight="bold" if bold else "normal",
                parse_math=False,
            )  # fmt: skip
        ends = [MARGIN / self.width, 1 - MARGIN / self.width]
        for y in self._rules:
            figure.add_artist(Line2D(ends, [1 - y / height] * 2, color="#dde1e5", lw=0.8))
        for x, y, width, tall, question in self._pictures:
            axes = figure.add_axes(
                (x / self.width, 1 - (y + tall) / height, width / self.width, tall / height)
            )
            axes.set_axis_off()
            if question.picture:
                crisp = "nearest" if question.picture.tiny else "antialiased"
                axes.imshow(question.picture.pixels, interpolation=crisp, aspect="auto")
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
        return path

    def _column(self, index: int) -> float:
        return MARGIN + PICTURE + QUESTION + GAP + ANSWER * index

    def _wrapped(self, text: str, width: float, most: int) -> list[str]:
        return self.lettering.wrapped(text, SIZE, (width - GAP) * 72, most)

    def _lines(
        self, x: float, y: float, lines: Sequence[str], colour: str, bold: bool = False
    ) -> None:
        for k, line in enumerate(lines):
            self._texts.append((x, y + k * LINE + ASCENT, line, colour, bold))
