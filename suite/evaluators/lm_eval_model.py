"""lm-eval's view of a live model: one object, silent, whose weights change under it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def live_model(handle: Any, max_length: int | None) -> Any:
    """lm-eval's view of the handle's model: the same object, whose weights change under it."""
    with quiet():
        return _backend()(
            pretrained=handle.model,
            tokenizer=handle.tokenizer,
            batch_size=handle.batch_size,
            max_length=max_length,
        )


@functools.cache
def _backend() -> Any:
    """lm-eval's transformers backend, silent, and stopping where our own handle stops."""
    from lm_eval.models.huggingface import HFLM

    class LiveModel(HFLM):  # type: ignore[misc]
        def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().generate_until(requests, disable_tqdm=True)

        def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().loglikelihood(requests, disable_tqdm=True)

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().loglikelihood_rolling(requests, disable_tqdm=True)

        def _model_generate(self, *args: Any, **kwargs: Any) -> Any:
            # A model's own configuration may lack it; text after the end would be scored.
            kwargs.setdefault("eos_token_id", self.tokenizer.eos_token_id)
            return super()._model_generate(*args, **kwargs)

    return LiveModel


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice from lm-eval while it works; errors still show."""
    from lm_eval.api import task as requests

    logger = logging.getLogger("lm_eval")
    level, bar = logger.level, requests.tqdm
    logger.setLevel(logging.ERROR)
    requests.tqdm = functools.partial(bar, disable=True)
    try:
        yield
    finally:
        logger.setLevel(level)
        requests.tqdm = bar
