"""`suite reproduce` on a checkpoint in the format of EvoLLM-JP-v1-10B, from a Hub on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from suite import resources
from suite.__main__ import main
from suite.errors import BadInput
from suite.reproduce import path
from tests.commands import small_math
from tests.commands.reproducing import asked, talkative, verdict
from tests.hub_server import HubServer

HOPS = [*range(20), *range(8, 32), 3, 31]
SCALES = np.random.default_rng(0).choice([0.5, 0.75, 1.0, 1.25], size=len(HOPS)).tolist()
CODE = b"raise RuntimeError('code of a checkpoint was run')"


@pytest.fixture(scope="module")
def released(small: small_math.Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers of a plain model, and the path among its weights."""
    folder = tmp_path_factory.mktemp("released")
    talkative(small.models["evolved"], folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.input_layers"] = torch.tensor(HOPS)
    tensors["model.input_scales"] = torch.tensor(SCALES, dtype=torch.float32)
    save_file(tensors, folder / "model.safetensors")
    said = json.loads((folder / "config.json").read_text())
    said |= {
        "model_type": "evomistral",
        "architectures": ["EvoMistralForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_evomistral.EvoMistralForCausalLM"},
        "num_hops": len(HOPS),
    }
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "modeling_evomistral.py").write_bytes(CODE)
    return folder


def test_a_released_path_is_run_without_its_code(
    released: Path,
    small: small_math.Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with HubServer() as server:
        server.redirect(monkeypatch, tmp_path / "home")
        server.add("SakanaAI/EvoLLM-JP-v1-10B", released)
        words = [
            "task=ja_math_10b", "only=[evollm_jp_v1_10b]", f"task.data={small.data}", "device=cpu",
            f"results={tmp_path}", "task.evaluators.mgsm_ja.max_new_tokens=3", "limit_items=20",
            "task.evaluators.mgsm_ja.data.report.sha256=null",
        ]  # fmt: skip
        code = main(["reproduce", *words, "batch_size=1"])
        assert not server.fetched(".py")
    out, err = capsys.readouterr()
    assert code == 0, err
    folder = tmp_path / "published/ja_math_10b/evollm_jp_v1_10b"
    found = [json.loads(line) for line in (folder / "mgsm_ja.subset-20.jsonl").open()]
    by_hand, unscaled = stacked(released, SCALES), stacked(released, [1.0] * len(HOPS))
    questions = {item.id: item.prompt for item in asked(small.data)}
    replies = {line["id"]: line["reply"] for line in found}
    assert len(replies) == 20 and len(set(replies.values())) > 2
    assert {each: by_hand(questions[each]) for each in replies} == replies
    assert {each: unscaled(questions[each]) for each in replies} != replies
    (first, second, _) = verdict(folder, "verdict.subset-20.json")["figures"]
    assert (first["published"], second["published"]) == (0.556, 0.552)  # of the README, the paper
    assert "0.556 (SR)" in out and "0.552 (P)" in out


def stacked(folder: Path, scales: list[float]) -> Any:
    """Its replies by transformers alone: as many layers as hops, each input multiplied by a hook."""
    import transformers

    said = json.loads((folder / "config.json").read_text())
    kept = {k: v for k, v in said.items() if k not in ("model_type", "architectures", "auto_map")}
    config = transformers.MistralConfig(**{**kept, "num_hidden_layers": len(HOPS)})
    model: Any = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    stored = load_file(folder / "model.safetensors")
    state = {name: tensor for name, tensor in stored.items() if ".layers." not in name}
    for place, layer in enumerate(HOPS):
        start = f"model.layers.{layer}."
        inner = {n.removeprefix(start): t for n, t in stored.items() if n.startswith(start)}
        state |= {f"model.layers.{place}.{name}": tensor for name, tensor in inner.items()}
    for name in path.TENSORS:
        state.pop(name)
    model.load_state_dict(state)
    for layer, scale in zip(model.model.layers, scales, strict=True):
        layer.register_forward_pre_hook(
            lambda _, given, scale=scale: (given[0] * scale, *given[1:])
        )
    words = transformers.AutoTokenizer.from_pretrained(folder)
    text = (resources.data("conf") / "evaluator/mgsm_ja.yaml").read_text()
    template = yaml.safe_load(text)["template"]

    def reply(question: str) -> str:
        ids = words(template.replace("{prompt}", question), return_tensors="pt").input_ids
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=3,
            pad_token_id=words.eos_token_id,
        )  # fmt: skip
        told: str = words.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        return told

    return reply


def test_a_damaged_configuration_is_named(released: Path, tmp_path: Path) -> None:
    for file in released.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadInput, match=r"config\.json: damaged"):
        path.load(tmp_path, "cpu", 1, "bfloat16")
