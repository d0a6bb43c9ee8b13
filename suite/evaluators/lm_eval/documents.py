"""What a document of an lm-eval task asks: two that ask the same are one, wherever they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.items import normalised
from suite.evaluators.lm_eval.vision import Shown, listed

Key = tuple[Any, ...]


def asked(task: Any, doc: Any) -> Key:
    """The document's prompt and its choices, normalised, and the pictures that it shows.

    Of log-likelihoods the text that is scored belongs to it. What a task leaves without any text is
    told apart by all its columns.
    """
    parts = [task.doc_to_text(doc)]
    if task.config.doc_to_choice is not None:
        parts += task.doc_to_choice(doc)
    if str(task.OUTPUT_TYPE).startswith("loglikelihood"):
        parts.append(task.doc_to_target(doc))
    # A number is the right choice's, where the choices are prompts (winogrande).
    text = normalised("\n".join(part for part in parts if isinstance(part, str)))
    seen = tuple(digest for _, digest in pictures(task, doc))
    return ("text", text or json.dumps(doc, default=str, sort_keys=True), seen)


def pictures(task: Any, doc: Any) -> list[Key]:
    """The pictures of a document, by what they show."""
    if not task.config.doc_to_image:
        return []
    return [("picture", Shown.of(image).digest) for image in listed(task.doc_to_image(doc))]


def checked(task: Any, doc: Any, at: str) -> Key:
    """`asked`; `BadInput` begins with `at` where the task cannot read the document.

    Or where the right choice is none of its choices: lm-eval would count every answer wrong.
    """
    from jinja2 import TemplateError

    try:
        key = asked(task, doc)
        if task.OUTPUT_TYPE == "multiple_choice" and task.config.process_results is None:
            _check_label(task, doc, at)
        elif task.OUTPUT_TYPE != "multiple_choice":
            task.doc_to_target(doc)
    except (TemplateError, LookupError, TypeError, AttributeError, ValueError) as error:
        known = ", ".join(doc) if isinstance(doc, dict) else type(doc).__name__
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BadInput(
            f"{at} does not fit the task ({told[:200]}); its columns are {known}"
        ) from None
    return key


def _check_label(task: Any, doc: Any, at: str) -> None:
    choices = task.doc_to_choice(doc)
    right = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    for label in right if isinstance(right, list) else [right]:
        if not (label in choices if isinstance(label, str) else _within(label, choices)):
            shown = ", ".join(map(str, choices))
            raise BadInput(
                f"{at}: the answer {label!r} is neither one of the choices nor its place: {shown}"
            )


def _within(label: Any, choices: Sequence[Any]) -> bool:
    return isinstance(label, int) and 0 <= label < len(choices)
