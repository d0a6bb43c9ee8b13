"""What the Hub says about the licence of a model whose files it refuses."""

from __future__ import annotations

from typing import Any

from suite.checkpoints.network import explained, online
from suite.errors import BadInput


def licence(repo: str) -> str:
    """In words: the licence that the model's card states, and the page to accept it on."""
    from huggingface_hub import HfApi, constants

    stated = None
    try:
        with explained(repo), online():
            card: Any = HfApi().model_info(repo).card_data
            stated = getattr(card, "license_name", None) or getattr(card, "license", None)
    except BadInput:  # the page says it as well
        pass
    return f"licence: {stated or 'see its page'}, {constants.ENDPOINT}/{repo}"
