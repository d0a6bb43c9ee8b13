"""Reading checkpoints from local folders: safetensors only, none of a checkpoint's own code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from suite.errors import BadInput


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`, padding on the left."""
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"model {folder}: {first_line(error)}") from None
    return padded(tokenizer)


def padded(tokenizer: Any) -> Any:
    """`tokenizer`, made to pad on the left, with its end of sequence where it has no other token."""
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def read_config(folder: Path) -> Any:
    """What config.json in `folder` says, as transformers' configuration of that kind of model."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"model {folder}: {first_line(error)}") from None


def read_model(
    folder: Path, auto: str, dtype: str, config: Any = None, unused: Sequence[str] = ()
) -> Any:
    """The model in `folder` as `dtype`, through transformers' class `auto`, on the CPU.

    `config` stands for the folder's own, if it is given. `BadInput` unless each of the model's
    tensors is there and there are no others but those named `unused`.
    """
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        with quiet():  # of what it reports, all that matters is refused below
            model, info = getattr(transformers, auto).from_pretrained(
                folder,
                **({} if config is None else {"config": config}),
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"model {folder}: {first_line(error)}") from None
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found := set(info[problem]) - set(unused):
            raise BadInput(f"model {folder}: {problem.replace('_', ' ')}: {sorted(found)[0]}")
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """No advice and no reports by transformers; errors still show."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def first_line(error: Exception) -> str:
    """What to quote of another library's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
