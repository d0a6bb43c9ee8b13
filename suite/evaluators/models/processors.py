"""Reading the processor of a vision-language checkpoint: its tokenizer and its image processor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suite.checkpoints.local import first_line, quiet
from suite.errors import BadInput

_PICTURES = "preprocessor_config.json"
_WHOLE = "processor_config.json"  # transformers 5 puts the image processor's settings in here
_VIEW = (
    "do_convert_rgb", "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale",
    "rescale_factor", "do_normalize", "image_mean", "image_std",
)  # fmt: skip


def read(folder: Path) -> Any:
    """The processor in `folder`, without code of its own; `BadInput` names the file it lacks.

    Without torchvision transformers works with Pillow, and cannot make a Qwen2-VL processor, which
    looks at videos as well: it is then replaced by one for still pictures.
    """
    from transformers import AutoProcessor

    _check(folder)
    try:
        with quiet():
            try:
                found: Any = AutoProcessor.from_pretrained(
                    folder, trust_remote_code=False, local_files_only=True
                )
            except (ImportError, AttributeError):
                found = _stills(folder)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        line = first_line(error)
        raise BadInput(f"model {folder}: its processor cannot be loaded ({line})") from None
    if not (hasattr(found, "image_processor") and hasattr(found, "image_token")):
        raise BadInput(f"model {folder}: a {type(found).__name__} is no processor of pictures")
    return found


def untiled(processor: Any, config: Any) -> Any:
    """A LLaVA-1.5 processor with the tokenizer and the settings of a LLaVA-NeXT's.

    It makes one view of a picture: the shortest side to ``size``, the middle of ``crop_size`` cut
    out. `config` is the model's. Pillow does it, as where this was published (transformers 4.38),
    with and without torchvision.
    """
    from transformers import CLIPImageProcessorPil, LlavaProcessor

    eyes = processor.image_processor.to_dict()
    settings = {key: eyes[key] for key in _VIEW if key in eyes}
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(**settings),
        tokenizer=processor.tokenizer,
        patch_size=config.vision_config.patch_size,
        vision_feature_select_strategy=config.vision_feature_select_strategy,
        num_additional_image_tokens=1,  # CLIP's class embedding, which "default" then drops
        image_token=processor.image_token,
        chat_template=getattr(processor, "chat_template", None),
    )


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"model {folder}: no such folder")
    try:
        nested = json.loads((folder / _WHOLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        nested = {}
    if not ((folder / _PICTURES).is_file() or "image_processor" in nested):
        raise BadInput(
            f"model {folder}: no processor: {_PICTURES}, or {_WHOLE} with an image_processor, is"
            " missing"
        )
    if not any(folder.glob("*token*")) and not any(folder.glob("vocab*")):
        raise BadInput(f"model {folder}: no tokenizer: tokenizer.json is missing")


def _stills(folder: Path) -> Any:
    """Qwen2-VL's processor for still pictures alone."""
    from transformers import AutoImageProcessor, AutoTokenizer, ProcessorMixin, Qwen2VLProcessor

    class StillsProcessor(ProcessorMixin):
        return_mm_token_type_ids = True
        image_token = "<|image_pad|>"
        replace_image_token = Qwen2VLProcessor.replace_image_token

        def __init__(self, image_processor: Any, tokenizer: Any, chat_template: Any = None) -> None:
            self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
            start: Any = super().__init__
            start(image_processor, tokenizer, chat_template=chat_template)

    local = {"trust_remote_code": False, "local_files_only": True}
    eyes = AutoImageProcessor.from_pretrained(folder, **local)
    return StillsProcessor(eyes, AutoTokenizer.from_pretrained(folder, **local))
