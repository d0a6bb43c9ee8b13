"""mergekit 0.1.5 by itself, on small models: what it merges, and what it resolves for each tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")  # without it what imports this is skipped
LAYERS, VOCABULARY = 4, 40
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "tie_word_embeddings": False,
}
NAMES = ("base", "a", "b", "c")
Tensors = dict[str, Any]


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(VOCABULARY)}
    plain = Tokenizer(models.WordLevel(words, unk_token="w0"))
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="w0")


def saved(root: Path) -> dict[str, Path]:
    """Folders of a base and three models around it in float32, and of one in bfloat16 (``half``)."""
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    tokenizer = _tokenizer()
    model: Any = MistralForCausalLM(MistralConfig(**SMALL))
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    for name in (*NAMES, "half"):
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                spread = 0.0 if name == "base" else 0.01
                parameter.copy_(start[key] + spread * torch.randn(parameter.shape))
        live = model.to(torch.bfloat16) if name == "half" else model
        live.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return {name: root / name for name in (*NAMES, "half")}


def _options() -> Any:
    from mergekit.options import MergeOptions

    return MergeOptions(cuda=False, copy_tokenizer=False, write_model_card=False, quiet=True)


def theirs(text: str, folders: dict[str, Path], out: Path) -> Tensors:
    """What mergekit makes of a configuration whose models are the names of `folders`."""
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from safetensors.torch import load_file

    config = MergeConfiguration.model_validate(yaml.safe_load(_located(text, folders)))
    run_merge(config, str(out), _options())
    return {k: t for path in out.glob("*.safetensors") for k, t in load_file(path).items()}


def _located(text: str, folders: dict[str, Path]) -> str:
    """`text` with the models' names replaced by their folders."""

    def moved(value: Any, key: str | None = None) -> Any:
        if isinstance(value, dict):
            return {k: moved(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [moved(v) for v in value]
        return str(folders[value]) if key in ("model", "base_model") else value

    return yaml.safe_dump(moved(yaml.safe_load(text)), sort_keys=False)


def planned(text: str, folders: dict[str, Path]) -> dict[str, tuple[Any, Any]]:
    """What mergekit resolves for each tensor: shared parameters and those of each input."""
    from mergekit.architecture import get_architecture_info
    from mergekit.config import MergeConfiguration
    from mergekit.io.tasks import LoaderCache
    from mergekit.plan import MergePlanner

    config = MergeConfiguration.model_validate(yaml.safe_load(_located(text, folders)))
    options = _options()
    LoaderCache().setup(options)
    out = config.referenced_models()[0].config()
    planner = MergePlanner(config, get_architecture_info(config, options), options, out)
    names = {str(folder): name for name, folder in folders.items()}
    return {
        done.tensor_name: (
            dict(done.tensor_task.parameters.items()),
            {names[str(m)]: dict(v.items()) for m, v in done.tensor_task.input_parameters.items()},
        )
        for done in planner.plan_to_disk("not written")
        if hasattr(done, "tensor_task")
    }
