"""Pictures in judged.jsonl stand there once; later lines name them."""

from __future__ import annotations

import hashlib


def picture_name(picture: str) -> str:
    """What stands for a picture, a data URI, that an earlier line of the same file holds."""
    return "sha256:" + hashlib.sha256(picture.encode()).hexdigest()
