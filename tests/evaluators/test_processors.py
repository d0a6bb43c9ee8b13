"""Processors of checkpoints: read without code of their own, or refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.evaluators.models import processors
from tests.evaluators import tiny_vlm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_vlm.make("llava")[1].save_pretrained(tmp_path)
    return tmp_path


def test_settings_may_lie_in_a_file_of_their_own(folder: Path) -> None:
    # As checkpoints made before transformers 5 have it, those of LLaVA 1.5 on the Hub included.
    path = folder / "processor_config.json"
    settings = json.loads(path.read_text())
    eyes = settings.pop("image_processor")
    (folder / "preprocessor_config.json").write_text(json.dumps(eyes))
    path.write_text(json.dumps(settings))
    found = processors.read(folder)
    assert found.image_processor.crop_size["height"] == 32 and found.image_token == "<image>"
    # and in the oldest, nothing else; the features say how many tokens a picture takes
    path.unlink()
    (folder / "config.json").write_text(json.dumps({"model_type": "llava"}))
    assert processors.read(folder).image_processor.crop_size["height"] == 32


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("processor_config.json", "{", "no processor: preprocessor_config.json, or"),
        ("tokenizer.json", "{", r"its processor cannot be loaded \(.+\)"),
        (
            "processor_config.json",
            '{"image_processor": {}, "processor_class": "WhisperProcessor"}',
            "its processor cannot be loaded|no processor of pictures",
        ),
    ],
)
def test_broken_files_are_refused_in_one_line(
    folder: Path, file: str, text: str, said: str
) -> None:
    (folder / file).write_text(text)
    with pytest.raises(BadInput, match=said) as caught:
        processors.read(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_code_of_a_checkpoint_is_not_run(folder: Path) -> None:
    for name in ("processor_config.json", "tokenizer_config.json"):
        settings = json.loads((folder / name).read_text())
        settings.pop("processor_class", None)
        settings["auto_map"] = {"AutoProcessor": "own.Own"}
        (folder / name).write_text(json.dumps(settings))
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    with pytest.raises(BadInput, match="its processor cannot be loaded"):
        processors.read(folder)
    assert not (folder / "ran").exists()


def test_nothing_is_said_about_torchvision(folder: Path) -> None:
    # Advice is given once a process, so that only a new one can tell.
    code = "import sys, pathlib; from suite.evaluators.models import processors as p;"
    code += "p.read(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
