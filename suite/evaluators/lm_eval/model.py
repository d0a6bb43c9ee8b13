"""lm-eval's view of a live model: one object, silent, whose weights change under it."""

from __future__ import annotations

import functools
import gc
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SEED = 1234  # lm-eval's own default


def live_model(handle: Any, max_length: int | None, **options: Any) -> Any:
    """lm-eval's view of the handle's model: the same object, whose weights change under it.

    `options` may hold a ``batch_size`` other than the handle's.
    """
    from lm_eval.models.huggingface import HFLM

    with quiet():
        return silent(HFLM)(handle, max_length=max_length, **options)


@functools.cache
def silent(backend: Any) -> Any:
    """`backend`, one of lm-eval's for transformers, on a handle's model and tokenizer.

    Silent, and a reply ends where the handle's own would.
    """

    class Live(backend):  # type: ignore[misc]
        def __init__(self, handle: Any, **options: Any) -> None:
            self.handle = handle  # first: the backend's own preparation may ask for it
            options.setdefault("batch_size", handle.batch_size)
            super().__init__(pretrained=handle.model, tokenizer=handle.tokenizer, **options)

        def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().generate_until(requests, disable_tqdm=True)

        def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().loglikelihood(requests, disable_tqdm=True)

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
            return super().loglikelihood_rolling(requests, disable_tqdm=True)

        def _model_generate(self, *args: Any, **kwargs: Any) -> Any:
            # A model's own configuration may lack them; text after the end would be scored.
            kwargs.setdefault("eos_token_id", self.handle.ends() or None)
            return super()._model_generate(*args, **kwargs)

    return Live


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice from lm-eval while it works; errors still show."""
    import datasets
    from lm_eval.api import task as requests

    logger = logging.getLogger("lm_eval")
    level, bar, bars = logger.level, requests.tqdm, not datasets.are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    requests.tqdm = functools.partial(bar, disable=True)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        requests.tqdm = bar
        if bars:
            datasets.enable_progress_bars()


@contextmanager
def compiled() -> Iterator[None]:
    """Each template of a task is compiled once, not for every document and example: 1 ms each."""
    from lm_eval.utils import env

    before = vars(env).get("from_string")
    env.from_string = _template
    try:
        yield
    finally:
        if before is None:
            del env.from_string
        else:
            env.from_string = before


@functools.cache
def _template(source: str) -> Any:
    from lm_eval.utils import env

    return type(env).from_string(env, source)


@contextmanager
def fair() -> Iterator[None]:
    """The same random numbers for every candidate; the caller's go on as if there had been none.

    Some tasks guess where a reply has no answer (MMMU), others may sample.
    """
    import numpy as np
    import torch

    plain, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        random.seed(SEED)
        np.random.seed(SEED)
        torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(arrays)


@contextmanager
def thrifty() -> Iterator[None]:
    """Without two costs that lm-eval adds to tasks with pictures.

    It compresses every picture to log its hash: logged samples now hold the pictures. And it
    collects garbage after each batch, 0.3 s where torch is loaded: what is there already is frozen.
    """
    from lm_eval import evaluator

    hashed, thawed = evaluator.LMEVAL_HASHMM, gc.get_freeze_count() == 0
    evaluator.LMEVAL_HASHMM = False
    gc.freeze()
    try:
        yield
    finally:
        evaluator.LMEVAL_HASHMM = hashed
        if thawed:
            gc.unfreeze()
