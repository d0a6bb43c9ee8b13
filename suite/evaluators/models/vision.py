"""A handle on a vision-language model: it takes pictures, and looks at each of them once.

The vision tower and the projector are frozen in a search: only the language tower's weights change
between calls. So the features of a picture are the same for every candidate. They are handed to the
model as the encoder outputs that its own forward pass and generation understand; placeholders, masks,
rope indices and the expansion for beams are the model's own work, as in an ordinary call.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from suite.checkpoints import local
from suite.errors import BadInput
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.models import processors
from suite.evaluators.models.features import MEMORY, Encoded, Features, digest_of
from suite.evaluators.models.handle import Pictures, Row, TransformersHandle

ARCHITECTURES = (
    "LlavaForConditionalGeneration",
    "LlavaNextForConditionalGeneration",
    "Qwen2VLForConditionalGeneration",
)
_LANGUAGE = "language_model."  # what of a model's body is merged; all else in it is frozen
_GRID = "image_grid_thw"
_UNTILED = (
    "text_config", "vision_config", "image_token_index", "image_seq_length", "projector_hidden_act",
    "vision_feature_select_strategy", "vision_feature_layer", "multimodal_projector_bias",
    "tie_word_embeddings", "dtype",
)  # fmt: skip
_SEEING = ("vision_", "image_", "projector_", "multimodal_")  # settings that features depend on
_NOISE = ("architectures", "dtype", "_name_or_path", "transformers_version")  # and those that not


class VisionHandle(TransformersHandle):
    """A `TransformersHandle` that takes pictures as well.

    `processor` has the model's tokenizer, image processor and image token. The prompt of a picture
    holds that token exactly once, the prompt without a picture never. `store` and `memory` say where
    features are kept (`Features`): in memory up to `memory` bytes, else on disk below `store`.

    With the same company in a batch, logits are those of ``model(**processor(...))``: to the bit on
    a CPU if that call looks at one picture, to float error if it encodes several together (tested:
    1e-5 of the largest logit in float32).
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        batch_size: int = 256,
        store: Path | None = None,
        memory: int = MEMORY,
    ) -> None:
        super().__init__(model, local.padded(processor.tokenizer), batch_size)
        _check(model, processor)
        self.processor = processor
        self.features = Features(self._look, self._fingerprint, store, memory)
        self._image: int = model.config.image_token_id

    def _rows(self, prompts: Sequence[str], pictures: Pictures) -> list[Row]:
        """Prompts with as many image tokens as their pictures have features, and the pictures."""
        seen = [None] * len(prompts) if pictures is None else list(pictures)
        token = self.processor.image_token
        for prompt, picture in zip(prompts, seen, strict=True):
            if prompt.count(token) != (wanted := int(picture is not None)):
                raise BadInput(
                    f"prompt {prompt[:60]!r} holds the image token {token} {prompt.count(token)}"
                    f" times and comes with {wanted} pictures"
                )
        shown = [() if picture is None else (picture,) for picture in seen]
        return self.rows(prompts, shown)

    def rows(self, prompts: Sequence[str], pictures: Sequence[Sequence[Picture]]) -> list[Row]:
        """Prompts that hold the image token once for each of their `pictures`, in their order.

        Each token becomes as many as its picture has features.
        """
        self.features.learn(picture for each in pictures for picture in each)
        token, texts = self.processor.image_token, []
        for prompt, each in zip(prompts, pictures, strict=True):
            first, *others = prompt.split(token)
            places = zip(each, others, strict=True)
            texts.append(
                first + "".join(token * self.features.rows(seen) + text for seen, text in places)
            )
        return [Row(i, tuple(each)) for i, each in zip(self.encode(texts), pictures, strict=True)]

    def inputs(self, rows: Sequence[Row]) -> dict[str, Any]:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        inputs = super().inputs(rows)
        known = [self.features.get(picture) for row in rows for picture in row.pictures]
        if not known:
            return inputs
        # Moved before generation repeats them for each beam.
        features: Any = [encoded["features"].to(self.model.device) for encoded in known]
        inputs["mm_encoder_outputs"] = {"image": BaseModelOutputWithPooling(pooler_output=features)}
        if "grid" in known[0]:
            inputs[_GRID] = torch.stack([encoded["grid"] for encoded in known])
            inputs[_GRID] = inputs[_GRID].to(self.model.device)
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == self._image).long()
        return inputs

    def _filler(self, row: Row) -> int:
        """An id of `row` that is no image token: those are counted where they are masked, too."""
        pad = int(self.tokenizer.pad_token_id)
        return next((id for id in row.ids if id != self._image), pad)

    def _look(self, picture: Picture) -> Encoded:
        """Run the vision tower and the projector."""
        body, device = self.model.base_model, self.model.device
        made = self.processor.image_processor(images=[picture.image()], return_tensors="pt")
        taken = inspect.signature(body.get_image_features).parameters
        inputs = {name: value.to(device) for name, value in made.items() if name in taken}
        with torch.inference_mode():
            (features,) = body.get_image_features(**inputs, return_dict=True).pooler_output
        encoded = {"features": features.cpu().contiguous()}
        if _GRID in made:
            encoded["grid"] = made[_GRID][0].cpu()
        return encoded

    def _fingerprint(self) -> str:
        """A digest of all that features depend on but the picture."""
        import transformers

        body, eyes = self.model.base_model, self.processor.image_processor
        frozen = [(n, t) for n, t in body.state_dict().items() if not n.startswith(_LANGUAGE)]
        said = self.model.config.to_dict()
        config = {key: value for key, value in said.items() if key.startswith(_SEEING)}
        tower = {key: value for key, value in said["vision_config"].items() if key not in _NOISE}
        about = [
            {**config, "vision_config": tower},
            [type(eyes).__name__, eyes.to_dict()],
            [str(self.model.dtype), self.model.device.type, transformers.__version__],
        ]
        return digest_of(frozen, json.dumps(about, sort_keys=True, default=str))


def _check(model: Any, processor: Any) -> None:
    """Refuse a model that this handle cannot drive, and a processor that is not the model's."""
    import transformers

    name, token = type(model).__name__, processor.image_token
    if name not in ARCHITECTURES:
        raise BadInput(
            f"a {name} cannot take pictures here; allowed are {', '.join(ARCHITECTURES)}"
        )
    if "mm_encoder_outputs" not in inspect.signature(model.forward).parameters:
        raise BadInput(
            f"transformers {transformers.__version__} takes no features of pictures;"
            " pip install 'transformers>=5.20'"
        )
    known, wanted = processor.tokenizer.convert_tokens_to_ids(token), model.config.image_token_id
    if known != wanted:
        raise BadInput(f"the processor's image token {token} has id {known}, the model's {wanted}")
    words = model.get_input_embeddings().weight.shape[0]
    if wanted >= words:
        raise BadInput(
            f"the image token's id {wanted} is not one of the model's {words} embeddings"
        )


def load(
    folder: Path,
    device: str,
    batch_size: int = 256,
    dtype: str = "float32",
    store: Path | None = None,
    tiling: bool = True,
    rope_theta: float | None = None,
) -> VisionHandle:
    """A handle on the vision-language checkpoint in `folder`, processor included.

    As `handle.load`: safetensors only, every tensor accounted for, no code of its own; `BadInput`
    says what is missing.

    Without `tiling` a LLaVA-NeXT is loaded as a LLaVA-1.5: one view of each picture, no parts at
    full resolution and no ``image_newline`` between their rows. `rope_theta` replaces the base of
    the decoder's rotary embedding, which is a setting beside the weights: sources of a merge may
    differ in it, and the merge has but one.
    """
    read = processors.read(folder)
    config = local.read_config(folder)
    if rope_theta is not None:
        _turn(config, rope_theta, folder)
    unused = [] if tiling else ["image_newline"]
    if tiling or config.model_type == "llava":
        model = local.read_model(folder, "AutoModelForImageTextToText", dtype, config, unused)
        return VisionHandle(model.to(device), read, batch_size, store)
    if config.model_type != "llava_next":
        raise BadInput(f"model {folder}: a {config.model_type} cannot be loaded without tiling")
    from transformers import LlavaConfig

    plain = LlavaConfig(**{key: getattr(config, key) for key in _UNTILED})
    model = local.read_model(folder, "LlavaForConditionalGeneration", dtype, plain, unused)
    return VisionHandle(model.to(device), processors.untiled(read, plain), batch_size, store)


def _turn(config: Any, theta: float, folder: Path) -> None:
    """Set the base of the decoder's rotary embedding, in place."""
    rope = getattr(config.get_text_config(), "rope_parameters", None)
    if not isinstance(rope, dict) or "rope_theta" not in rope:
        raise BadInput(f"model {folder}: its decoder has no one rope_theta to replace")
    if isinstance(theta, bool) or not isinstance(theta, int | float) or not theta > 0:
        raise BadInput(f"rope_theta={theta}: must be a positive number")
    rope["rope_theta"] = float(theta)
