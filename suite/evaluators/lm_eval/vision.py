"""lm-eval's multimodal tasks on a live vision-language model: each picture is looked at once.

lm-eval's own class for such models (``hf-multimodal``) does the work: it orders and batches the
requests, fills in chat templates, decodes and cuts replies at stop sequences. Only what it calls
the processor for is replaced: prompts and pictures become the handle's ids and features, so that the
vision tower does not run again for every candidate.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.lm_eval.model import quiet, silent
from suite.evaluators.models.handle import Row

OPTIONS = (
    "max_images",
    "interleave",
    "convert_img_format",
    "image_width",
    "image_height",
    "image_max_side",
)


@dataclass(frozen=True)
class Shown(Picture):
    """A picture that a task hands over decoded; `data` are its pixels and what they mean.

    The processor gets `shown` itself, whatever its mode, as it would from lm-eval.
    """

    shown: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, image: Any) -> Shown:
        """`image` is a Pillow image; `BadInput` for a path, an address or an array."""
        if not hasattr(image, "getbands"):
            raise _unfit(image)
        palette = image.getpalette(None) if image.mode in ("P", "PA") else None
        meaning = f"{image.mode} {image.size} {palette} {image.info.get('transparency')!r} "
        return cls(meaning.encode() + image.tobytes(), "a picture of an lm-eval task", image)

    def image(self) -> Any:
        return self.shown

    def uri(self, side: int | None = None) -> str:
        buffer = BytesIO()
        self.shown.convert("RGB").save(buffer, "PNG")
        return Picture(buffer.getvalue(), self.origin).uri(side)


def listed(visual: Any) -> Sequence[Any]:
    """What a task's doc_to_image gave; `BadInput` if it is no list."""
    if not isinstance(visual, (list, tuple)):
        raise _unfit(visual)
    return visual


def sees(handle: Any) -> bool:
    """Whether `handle` takes pictures."""
    return hasattr(handle, "processor")


def live_model(handle: Any, max_length: int | None, options: Mapping[str, Any]) -> Any:
    """lm-eval's view of a `VisionHandle`'s model, for tasks with pictures and without.

    `options` are some of `OPTIONS`, with the meaning they have among lm-eval's ``model_args``.
    """
    token = handle.processor.image_token
    with quiet():
        return _backend()(handle, max_length=max_length, image_string=token, **options)


@functools.cache
def _backend() -> Any:
    from lm_eval.models.hf_vlms import DEFAULT_IMAGE_PLACEHOLDER, HFMultimodalLM
    from lm_eval.models.huggingface import HFLM
    from lm_eval.models.utils import replace_placeholders

    class LiveVision(silent(HFMultimodalLM)):  # type: ignore[misc]
        def _create_tokenizer(self, *_: Any, **__: Any) -> None:
            self.processor, self.tokenizer = self.handle.processor, self.handle.tokenizer

        def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
            for _, _, *more in (request.args for request in requests):
                if more:
                    listed(more[0]["visual"])
            return super().generate_until(requests)

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
            # Never about pictures (`LmEvalTask`), and the class between knows no such option.
            return HFLM.loglikelihood_rolling(self, requests, disable_tqdm=True)

        def tok_batch_multimodal_encode(
            self,
            strings: Sequence[str],
            images: Sequence[Sequence[Any]],
            padding_side: str = "left",
            left_truncate_len: int | None = None,
            truncation: bool = False,
        ) -> dict[str, Any]:
            if not self.chat_applied:
                here = (DEFAULT_IMAGE_PLACEHOLDER, self.image_token, self.max_images)
                strings = [replace_placeholders(text, *here) for text in strings]
            seen = [[self._shown(image) for image in each[: self.max_images]] for each in images]
            return inputs(self.handle, strings, seen, left_truncate_len)

        def _shown(self, image: Any) -> Shown:
            shown = Shown.of(image)
            return Shown.of(image.convert("RGB")) if self.rgb else shown

        def _model_multimodal_generate(self, *args: Any, **kwargs: Any) -> Any:
            kwargs.setdefault("eos_token_id", self.handle.ends() or None)
            return super()._model_multimodal_generate(*args, **kwargs)

    return LiveVision


def inputs(
    handle: Any,
    prompts: Sequence[str],
    pictures: Sequence[Sequence[Picture]],
    room: int | None = None,
) -> dict[str, Any]:
    """What the handle's model is called with for `prompts` about any number of pictures each.

    A prompt holds the image token once for each of its pictures, in their order. Of one longer than
    `room` tokens the last are kept, as lm-eval has it; `BadInput` if a picture would go with the
    first.
    """
    token, image = handle.processor.image_token, handle.model.config.image_token_id
    for prompt, each in zip(prompts, pictures, strict=True):
        if (places := prompt.count(token)) != len(each):
            raise BadInput(
                f"prompt {prompt[:60]!r} of an lm-eval task has {places} places for pictures and"
                f" {len(each)} pictures; lm-eval gives few-shot examples without theirs"
            )
    rows = handle.rows(prompts, pictures)
    made: dict[str, Any] = handle.inputs([Row(_last(r.ids, room, image), r.pictures) for r in rows])
    return made


def _last(ids: list[int], room: int | None, image: int) -> list[int]:
    """The last `room` of `ids`, or all of them."""
    if room is None or len(ids) <= room:
        return ids
    if room < 1 or image in ids[:-room]:
        raise BadInput(
            f"a prompt of an lm-eval task has {len(ids)} tokens, its pictures included, and there is"
            f" room for {max(room, 0)} before the reply; raise max_length"
        )
    return ids[-room:]


def _unfit(given: Any) -> BadInput:
    return BadInput(
        f"an lm-eval task's doc_to_image gives a {type(given).__name__}; it must give a list of"
        " decoded pictures (Pillow images)"
    )
