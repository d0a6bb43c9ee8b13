"""The language tower of a live vision-language model, seen as the plain decoder it is."""

from __future__ import annotations

from typing import Any

from torch import nn

from suite.errors import BadInput


class LanguageTower(nn.Module):
    """`vlm`'s decoder and head under their plain names; every parameter is `vlm`'s own.

    What is merged into this module is merged into `vlm`; vision tower and projector are no part of
    it. LLaVA, LLaVA-NeXT and Qwen2-VL keep decoder and head where `get_decoder` and
    `get_output_embeddings` say. `BadInput` when `vlm` has no such tower.
    """

    def __init__(self, vlm: Any) -> None:
        super().__init__()
        decoder = vlm.get_decoder() if hasattr(vlm, "get_decoder") else None
        if decoder is None or not hasattr(decoder, "layers"):
            raise BadInput(f"{type(vlm).__name__}: no language tower with a list of layers")
        self.config = vlm.config
        self.model = decoder
        self.lm_head = vlm.get_output_embeddings()

    def get_decoder(self) -> nn.Module:
        """The stack of layers, as transformers' models name it."""
        decoder: nn.Module = self.model
        return decoder
