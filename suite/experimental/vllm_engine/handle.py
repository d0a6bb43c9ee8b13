"""vLLM as the engine that replies: an engine in this process whose weights follow the live model.

Merges are carried out by the suite's own `Merger`, into a live transformers model; vLLM holds a second
copy of the weights, fused in its own way. Before each answer the two are compared bit for bit; where
they differ, vLLM's own `load_weights` copies the live tensors over its own, the prefix cache is reset,
and both are checked (`suite.experimental.vllm_engine.engine`): a stale engine raises and never scores.

**Memory**: one more copy of the model, in its type (14.5 GB for 7B in bfloat16), and the KV cache.
Sharing storage would save the copy, not safely: vLLM wants q, k and v side by side, which they are not
among the sources, and its CUDA graphs hold the addresses that weights had when it started.

vllm is imported by nothing here but `importable`. Written against vLLM 0.33; see docs/engines.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from suite.errors import BadInput
from suite.evaluators.models.handle import (
    GREEDY,
    Decoding,
    Generation,
    Pictures,
    TransformersHandle,
)
from suite.experimental.vllm_engine.engine import Engine

DEVICES = ("cuda:0",)  # where vLLM's engine in this process runs
_SHARE = 0.9  # of the memory that is free when the engine starts; the rest is for merging
_FIXED = ("model", "tokenizer", "dtype", "load_format", "generation_config", "quantization")


class VllmHandle(TransformersHandle):
    """A `TransformersHandle` whose replies and likelihoods are vLLM's.

    Made of the handle `live`, whose model is the merged one, and a started `engine`. Prompts are
    encoded, replies decoded and cut at stop strings by the same code as there, so that equal ids are
    equal replies. What asks for the model itself (lm-eval, `Cost`) gets the live one.
    """

    def __init__(self, live: TransformersHandle, engine: Engine) -> None:
        super().__init__(live.model, live.tokenizer, live.batch_size)
        self._engine = engine
        self._layers = self.model.get_decoder().layers
        self._follow()
        engine.check_agreement(self.model)

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        pictures: Pictures = None,
        decoding: Decoding = GREEDY,
    ) -> list[Generation]:
        """Replies as `TransformersHandle` gives them; `BadInput` for beams, or a prompt too long."""
        check_decoding(decoding)
        ids = [row.ids for row in self._rows(prompts, pictures)]
        self._follow()
        size, ends = self.model.get_input_embeddings().weight.shape[0], self.ends()
        stop = [end for end in ends if end < size]  # vLLM refuses ids that no logit has
        replies = self._engine.replies(ids, max_new_tokens, stop, decoding)
        lengths = [next((n for n, i in enumerate(r, 1) if i in ends), len(r)) for r in replies]
        cut = [reply[:length] for reply, length in zip(replies, lengths, strict=True)]
        return self._texts(cut, decoding)

    def loglikelihood(
        self, prompts: Sequence[str], replies: Sequence[str], pictures: Pictures = None
    ) -> list[float]:
        """Summed log-probability (nats) of each reply's tokens given its prompt."""
        heads = [row.ids for row in self._rows(prompts, pictures)]
        tails = self.encode(replies, special=False)
        self._follow()
        return [sum(row) for row in self._engine.logprobs(heads, tails)]

    def is_current(self) -> bool:
        """Whether vLLM holds the live model's weights now; if not, the next question brings them."""
        return self._engine.holds(self.model)

    def _follow(self) -> None:
        """Bring the engine to the live model's weights."""
        if self.model.get_decoder().layers is not self._layers:
            raise BadInput("engine=vllm runs merges, not layer paths; use engine=transformers")
        self._engine.follow(self.model)


def check(task: str, pictures: bool, paths: bool, evaluators: Sequence[Any], device: str) -> None:
    """Refuse, before anything is loaded, what this engine cannot do for a task with this name.

    `pictures` and `paths` say whether it has pictures, and whether it searches layer paths.
    """
    where = f"engine=vllm: task {task}"
    if pictures:
        raise BadInput(f"{where} has pictures; use engine=transformers")
    if paths:
        raise BadInput(f"{where} searches layer paths; use engine=transformers")
    if device not in DEVICES:
        raise BadInput(f"engine=vllm: it runs on {', '.join(DEVICES)}, not on {device}")
    for evaluator in evaluators:
        check_decoding(getattr(evaluator, "decoding", GREEDY))
    importable()


def check_decoding(decoding: Decoding) -> None:
    """Refuse beams: vLLM's beam search knows no repetition penalty and no stop strings."""
    if decoding.num_beams > 1:
        raise BadInput(
            f"engine=vllm: num_beams {decoding.num_beams} is not possible; use 1,"
            " or engine=transformers"
        )


def importable() -> Any:
    """The vllm package; `BadInput` where there is none.

    Its engine is kept in this process, where a function of ours can see the model.
    """
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    try:
        import vllm
    except ImportError as error:
        raise BadInput(
            f"engine=vllm: {str(error).splitlines()[0]}; pip install 'merge-suite[vllm]'"
        ) from None
    return vllm


def start(live: TransformersHandle, folder: Path, options: Mapping[str, Any]) -> VllmHandle:
    """Start vLLM beside the model of `live`, of the checkpoint in `folder`, and let it reply.

    Of the folder vLLM reads configuration and tokenizer alone. `options` go to vLLM's `LLM`
    (``max_model_len``, ``gpu_memory_utilization``, ``enforce_eager`` …); what the suite itself decides
    is not among them. Without ``gpu_memory_utilization`` it takes 0.9 of the memory now free, so that
    sources and live model should be there already. `BadInput` when vLLM refuses to start.
    """
    vllm, model = importable(), live.model
    if wrong := [key for key in options if key in _FIXED or key.endswith("_parallel_size")]:
        raise BadInput(f"vllm.{wrong[0]}: the suite decides that; remove it")
    length = options.get("max_model_len") or model.config.max_position_embeddings
    settings = {
        "max_model_len": length,
        "max_num_seqs": live.batch_size,
        "enable_prefix_caching": True,
        "async_scheduling": False,  # no step is left in flight when weights are swapped
        **({} if "gpu_memory_utilization" in options else _share(model.device)),
        **{key: value for key, value in options.items() if value is not None},
    }
    try:
        llm = vllm.LLM(
            model=str(folder),
            dtype=str(model.dtype).removeprefix("torch."),
            load_format="dummy",  # the weights come from the live model
            generation_config="vllm",  # none of the checkpoint's: a Decoding says it all
            **settings,
        )
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadInput(f"engine=vllm: {(str(error).splitlines() or [''])[0]}") from error
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    cached = bool(settings["enable_prefix_caching"])
    return VllmHandle(live, Engine(llm, vllm.SamplingParams, length, vocabulary, cached))


def _share(device: torch.device) -> dict[str, float]:
    """vLLM's share of a GPU's memory: a part of what is free."""
    if device.type != "cuda":
        return {}
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    return {"gpu_memory_utilization": int(100 * _SHARE * free / total) / 100}
