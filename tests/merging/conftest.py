from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from suite.merging import kernel

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="session", autouse=True)
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of this session's own, in which each kernel variant is compiled once for all workers."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each worker has a folder in that of the session
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MERGE_SUITE_CACHE", str(root / "kernels"))
        kernel._variant.cache_clear()
        yield
    kernel._variant.cache_clear()


@pytest.fixture
def tiny() -> Callable[..., MistralForCausalLM]:
    """Makes random Mistral models of three layers, all of one shape."""

    def make(seed: int = 0, tied: bool = True) -> MistralForCausalLM:
        torch.manual_seed(seed)
        config = MistralConfig(
            vocab_size=50,
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=6,
            tie_word_embeddings=tied,
        )
        model = MistralForCausalLM(config)
        model.requires_grad_(False)
        return model

    return make


@pytest.fixture
def models(tiny: Callable[..., MistralForCausalLM]) -> dict[str, Weights]:
    """Weights of a base and of three models around it."""
    base = {name: p.detach().clone() for name, p in tiny().named_parameters()}
    rng = torch.Generator().manual_seed(1)

    def near() -> Weights:
        return {n: p + 0.05 * torch.randn(p.shape, generator=rng) for n, p in base.items()}

    return {"base": base, "a": near(), "b": near(), "c": near()}
