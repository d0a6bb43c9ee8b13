"""`suite reproduce` on the published maths task in miniature, downloaded from a Hub on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from suite import journal, places
from suite.__main__ import main
from suite.commands import assemble, compose, reproduce_rows
from suite.evaluators import handle, language
from suite.evaluators.items import Item
from suite.merging.hops import PathMerger
from suite.merging.merger import MergeFailure
from tests import hub_server
from tests.commands import small_math
from tests.commands.small_math import MODELS
from tests.hub_server import HubServer

Call = Callable[..., tuple[int, str, str]]
ANY = "task.evaluators.mgsm_ja.data.report.sha256=null"
SHORT = ["task.evaluators.mgsm_ja.max_new_tokens=3", "batch_size=50", ANY]
FEW = ["+task.evaluators.mgsm_ja.data.report.rows='0:12'"]
METRIC = "mgsm_ja.sakana-v1.acc_ja"


@pytest.fixture(scope="module")
def hub(
    small: small_math.Small, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """What ja_math_7b and its published rows name, at the revisions that they name."""
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        server.redirect(patch, home)
        config = yaml.safe_load((places.data("conf") / "task/ja_math_7b.yaml").read_text())
        models = {**config["models"], "evolved": row_model("evollm_jp_v1_7b")}
        for name, model in models.items():
            repo, _, revision = model.partition("@")
            files = {path.name: path.read_bytes() for path in small.models[name].iterdir()}
            server.add(repo, files)
            sha = revision if "/" not in revision else "ab" * 20
            server.get(repo).commits[sha] = files
            server.get(repo).refs[revision] = sha
        yield SimpleNamespace(server=server, home=home)


def row_model(name: str) -> str:
    file = places.data("baselines") / "ja_math_7b/published" / f"{name}.yaml"
    (entry,) = yaml.safe_load(file.read_text())["models"]
    return str(entry["model"])


@pytest.fixture
def call(
    hub: SimpleNamespace,
    small: small_math.Small,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    def words(*more: object, task: str | None = "ja_math_7b") -> tuple[int, str, str]:
        capsys.readouterr()
        named = [] if task is None else [f"task={task}"]
        code = main(["reproduce", *named, *given(small, tmp_path / "results"), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def given(small: small_math.Small, results: Path) -> list[str]:
    return [f"task.data={small.data}", "device=cpu", f"results={results}", *SHORT]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of baselines of one's own in the place of the shipped ones, with ja_math_7b's."""
    known, folder = places.data, tmp_path / "baselines"
    shutil.copytree(known("baselines") / "ja_math_7b", folder / "ja_math_7b")
    monkeypatch.setattr(places, "data", lambda kind: folder if kind == "baselines" else known(kind))
    return folder / "ja_math_7b"


def lines(folder: Path, name: str = "mgsm_ja.jsonl") -> list[dict[str, Any]]:
    """Replies without what differs from run to run: the time they took."""
    found = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    for line in found:
        assert line.pop("seconds") > 0
    return found


def verdict(folder: Path, name: str = "verdict.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def cells(out: str, row: str) -> str:
    """The line of a table that begins with this row."""
    return next(line for line in out.splitlines() if f"│ {row} " in line)


def test_rows_are_measured_as_they_are_and_merged(
    call: Call, hub: Any, small: small_math.Small, tmp_path: Path
) -> None:
    names = ["evollm_jp_v1_7b", "abel", "ties_0.5", "lora_wizard"]
    code, out, err = call(f"only=[{','.join(names)}]")
    assert code == 0, err
    root = tmp_path / "results/published/ja_math_7b"
    assert sorted(path.name for path in root.iterdir()) == ["abel", "evollm_jp_v1_7b", "ties_0.5"]
    for name in ("abel", "evollm_jp_v1_7b"):
        found = verdict(root / name)
        replies = lines(root / name)
        assert len(replies) == 250 and len({each["id"] for each in replies}) == 250
        assert found["scores"][METRIC] == [0.0, 0.0, 250]
        (maths, general) = found["figures"]
        assert maths["verdict"].startswith("off by -") and maths["sigmas"] < -5
        assert general["measured"] is None and "lm-eval issue 1392" in general["verdict"]
    ties = verdict(root / "ties_0.5")["figures"][0]
    assert ties["measured"] is not None
    assert ties["verdict"] == "not comparable: settings not published"
    assert "not comparable: weights not released" in cells(out, "ja_math_7b/lora_wizard")
    assert "0.52 (SR)" in cells(out, "ja_math_7b/evollm_jp_v1_7b")
    check_replies(small.models["abel"], lines(root / "abel"), small)
    card = json.loads((root / "abel/card.json").read_text())
    assert card["what"]["models"] == {"abel": f"{MODELS['abel']}@{'ab' * 20}"}
    assert card["what"]["asked"] == {"abel": f"{MODELS['abel']}@refs/pr/2"}
    assert len(card["what"]["evaluators"]["mgsm_ja"]["each"]) == 250
    assert {"torch", "transformers"} <= card["environment"]["packages"].keys()
    before = {path: path.read_bytes() for path in root.rglob("*.json*")}
    requests = len(hub.server.requests)
    assert call(f"only=[{','.join(names)}]")[0] == 0  # nothing is left to do, nor to download
    assert {path: path.read_bytes() for path in root.rglob("*.json*")} == before
    assert len(hub.server.requests) == requests


def asked(data: Path) -> list[Item]:
    """The report items, in the table's order."""
    evaluators, _ = assemble.measures(
        compose.compose(["task=ja_math_7b", f"task.data={data}", ANY])
    )
    found: list[Item] = evaluators[0].splits["report"]
    return found


def check_replies(folder: Path, replies: list[dict[str, Any]], small: small_math.Small) -> None:
    """Greedy replies of the checkpoint as it is, with transformers alone."""
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    entry = yaml.safe_load((places.data("conf") / "evaluator/mgsm_ja.yaml").read_text())
    questions = {item.id: item.prompt for item in asked(small.data)}
    same = 0
    for each in replies[:10]:
        question = questions[each["id"]]
        inputs = words(entry["template"].replace("{prompt}", question), return_tensors="pt")
        out = model.generate(
            inputs["input_ids"], attention_mask=inputs["attention_mask"], do_sample=False,
            max_new_tokens=3, pad_token_id=words.eos_token_id,
        )  # fmt: skip
        reply = words.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        same += reply == each["reply"]
    assert same >= 9  # alone and in a batch, bfloat16 may round one apart


def test_a_published_number_that_is_met_is_reproduced(
    call: Call, rows: Path, tmp_path: Path
) -> None:
    """A model that solves nothing, where nothing was published too."""
    file = rows / "published/evollm_jp_v1_7b.yaml"
    file.write_text(file.read_text().replace("value: 0.520", "value: 0.0"))
    code, out, err = call("only=[ja_math_7b/evollm_jp_v1_7b]", task=None)
    assert code == 0, err
    found = verdict(tmp_path / "results/published/ja_math_7b/evollm_jp_v1_7b")
    assert found["figures"][0]["verdict"] == "reproduced"
    assert "reproduced" in cells(out, "ja_math_7b/evollm_jp_v1_7b")


def test_the_score_is_what_a_count_of_the_replies_says(
    call: Call, small: small_math.Small, tmp_path: Path
) -> None:
    """A model of digits and kana alone, and a table whose answers are often what it says."""
    talkative(small.models["japanese"], tmp_path / "model")
    words = ("only=[japanese]", f"task.models.japanese={tmp_path / 'model'}")
    assert call(*words)[0] == 0
    folder = tmp_path / "results/published/ja_math_7b/japanese"
    said = {line["id"]: line["reply"] for line in lines(folder)}
    shutil.copytree(small.data, tmp_path / "data")
    table, right = [], []
    for row, item in enumerate(asked(small.data)):
        numbers = re.findall(r"[0-9]+", said[item.id])
        met = bool(numbers) and row % 3 > 0
        gold = numbers[-1] if met else "123456"
        table.append(f"{item.prompt}\t{gold}")
        right.append(met and language.p_japanese(said[item.id]) > 0.5)
    (tmp_path / "data/mgsm/mgsm_ja.tsv").write_text("\n".join(table) + "\n")
    assert 20 < sum(right) < 230
    code, _, err = call(*words, f"task.data={tmp_path / 'data'}", f"results={tmp_path / 'again'}")
    assert code == 0, err
    found = verdict(tmp_path / "again/published/ja_math_7b/japanese")["figures"][0]
    share = sum(right) / 250
    assert found["measured"] == pytest.approx(share)
    assert found["stderr"] == pytest.approx((share * (1 - share) / 249) ** 0.5)
    assert found["sigmas"] == pytest.approx((share - 0.096) / found["stderr"])
    assert found["verdict"] == f"off by {found['sigmas']:+.1f} σ" and found["sigmas"] > 2
    card = json.loads((tmp_path / "again/published/ja_math_7b/japanese/card.json").read_text())
    assert card["what"]["models"] == {"japanese": "model"}  # no path of this machine
    assert set(card["what"]["weights"]["japanese"]) == {"model.safetensors"}


def talkative(model: Path, to: Path) -> None:
    """A copy of a checkpoint that knows some digits and kana alone."""
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(model)
    changed: Any = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    kept = words.convert_tokens_to_ids([*"1234", *"はですな"])
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in changed.model.layers.named_parameters():
            if "norm" not in name:
                tensor *= 12  # so that replies depend on the whole prompt
        changed.lm_head.weight.zero_()
        rows = torch.randn((len(kept), changed.config.hidden_size), generator=generator)
        changed.lm_head.weight[kept] = rows.bfloat16()
    changed.save_pretrained(to)
    words.save_pretrained(to)


def test_a_killed_command_continues_to_the_same_files(
    call: Call, hub: Any, small: small_math.Small, tmp_path: Path
) -> None:
    only = "only=[evollm_jp_v1_7b]"
    more = (only, "batch_size=2", "+task.evaluators.mgsm_ja.data.report.rows='0:80'")
    code, _, err = call(*more, f"results={tmp_path / 'whole'}")
    assert code == 0, err
    words = ["reproduce", "task=ja_math_7b", *given(small, tmp_path / "results"), *more]
    environment = {**os.environ, **hub.server.environment(hub.home), "OMP_NUM_THREADS": "1"}
    environment["HF_HUB_CACHE"] = str(hub.home / "hub")
    folder = tmp_path / "results/published/ja_math_7b/evollm_jp_v1_7b"
    with subprocess.Popen([sys.executable, "-m", "suite", *words], env=environment) as process:
        while process.poll() is None and not (
            (folder / "mgsm_ja.jsonl").exists()
            and (folder / "mgsm_ja.jsonl").read_bytes().count(b"\n") >= 10
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = (folder / "mgsm_ja.jsonl").read_bytes()
    assert 10 <= done.count(b"\n") < 80
    with (folder / "mgsm_ja.jsonl").open("ab") as file:
        file.write(done.splitlines()[0][:30])  # torn as the power went
    assert not (folder / "verdict.json").exists()
    code, _, err = call(*more)
    assert code == 0, err
    assert (folder / "mgsm_ja.jsonl").read_bytes().startswith(done)
    usual = tmp_path / "whole/published/ja_math_7b/evollm_jp_v1_7b"
    assert lines(folder) == lines(usual)
    ours, theirs = verdict(folder), verdict(usual)
    assert ours.pop("seconds") > 0 and theirs.pop("seconds") > 0 and ours == theirs


def test_an_interrupt_stops_cleanly_and_the_same_command_goes_on(
    call: Call, hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    append, generate = journal.JsonLines.append, handle.TransformersHandle.generate

    def noted(self: Any, prompts: Any, *more: Any, **others: Any) -> Any:
        asked.append(len(prompts))
        return generate(self, prompts, *more, **others)

    def interrupted(self: Any, record: Any) -> None:
        append(self, record)
        if sum(asked) > 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(handle.TransformersHandle, "generate", noted)
    with monkeypatch.context() as patch:
        patch.setattr(journal.JsonLines, "append", interrupted)
        code, _, err = call("only=[wizard]", "limit_items=9", "batch_size=4")
        assert code == 130 and "interrupted; the same command continues" in err
    folder = tmp_path / "results/published/ja_math_7b/wizard"
    assert asked == [4, 4] and len(lines(folder, "mgsm_ja.subset-9.jsonl")) == 5
    code, _, err = call("only=[wizard]", "limit_items=9", "batch_size=4")
    assert code == 0, err
    assert asked == [4, 4, 4, 1]  # the batch that was broken off in the same company, then the rest
    assert len(lines(folder, "mgsm_ja.subset-9.jsonl")) == 9


def test_a_subset_is_drawn_once_and_labelled(call: Call, small: Any, tmp_path: Path) -> None:
    code, out, err = call("only=[japanese]", "limit_items=9")
    assert code == 0, err
    folder = tmp_path / "results/published/ja_math_7b/japanese"
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.subset-9.json", "mgsm_ja.subset-9.jsonl", "verdict.subset-9.json",
    ]  # fmt: skip
    chosen = np.random.default_rng(0).choice(250, size=9, replace=False)
    ids = {line["id"] for line in lines(folder, "mgsm_ja.subset-9.jsonl")}
    items = asked(small.data)
    assert ids == {items[index].id for index in chosen}
    found = verdict(folder, "verdict.subset-9.json")
    assert found["subset"] == 9 and found["figures"][0]["n"] == 9
    assert found["figures"][0]["verdict"].startswith("subset of 9: ")
    assert "subset of 9 items" in out and "reproduced" not in out
    card = json.loads((folder / "card.subset-9.json").read_text())
    assert card["what"]["subset"] == {"size": 9, "seed": 0}
    assert call("only=[japanese]", "limit_items=8")[0] == 0  # beside it, not over it
    assert (folder / "verdict.subset-8.json").exists() and lines(folder, "mgsm_ja.subset-9.jsonl")


def test_other_items_than_published_are_not_compared(call: Call, tmp_path: Path) -> None:
    code, _, err = call("only=[japanese]", *FEW)
    assert code == 0, err
    found = verdict(tmp_path / "results/published/ja_math_7b/japanese")["figures"][0]
    assert found["n"] == 12
    assert found["verdict"] == "not comparable: 12 items here, 250 published"


def test_a_dry_run_counts(
    call: Call, small: small_math.Small, hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.server.redirect(monkeypatch, tmp_path / "empty")
    monkeypatch.setattr(handle, "load", None)
    code, out, err = call("--dry-run")
    assert code == 0, err
    assert not (tmp_path / "results").exists()
    weights = {n: size(small.models[n], "*.safetensors") for n in ("evolved", "abel")}
    evolved = cells(out, "ja_math_7b/evollm_jp_v1_7b")
    assert bytes_of(evolved, 0) == pytest.approx(size(small.models["evolved"], "*"), rel=0.05)
    assert bytes_of(evolved, 1) == pytest.approx(weights["evolved"], rel=0.05)  # bfloat16, live too
    abel = cells(out, "ja_math_7b/abel")
    assert bytes_of(abel, 1) == pytest.approx(
        weights["abel"] / 2, rel=0.05
    )  # float32 made bfloat16
    merged = cells(out, "ja_math_7b/ties_0.5")
    sources = 3 * weights["evolved"] + weights["abel"]
    assert bytes_of(merged, 1) == pytest.approx(sources + weights["evolved"], rel=0.05)
    assert "250" in evolved and "750" in evolved  # items, and three tokens each at most
    lost = cells(out, "ja_math_7b/arithmo2")
    assert lost.count("not known") == 2 and "no such repository" in out
    assert "weights not released" in cells(out, "ja_math_7b/lora_wizard")
    assert not list((tmp_path / "empty").rglob("*.safetensors"))


def size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def bytes_of(line: str, place: int) -> float:
    """The number of bytes in a cell of the dry run: 0 what is downloaded, 1 memory."""
    text = [cell.strip() for cell in line.split("│")][3 + place]
    value, unit = text.split()
    return float(value.replace(",", "")) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def test_a_dry_run_lists_every_published_row_without_hub_and_data(
    hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.server.redirect(monkeypatch, tmp_path / "empty", offline=True)
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "--dry-run", "device=cpu"]) == 0
    out = capsys.readouterr().out
    assert reproduce_rows.tasks() == ["ja_math_10b", "ja_math_10b_dfs", "ja_math_7b", "ja_vlm_7b"]
    for selected in reproduce_rows.select(reproduce_rows.read([])):
        for row in selected.rows:
            assert cells(out, f"{selected.spec['name']}/{row.name}")
    assert "250" in cells(out, "ja_math_7b/abel") and "256,000" in cells(out, "ja_math_7b/abel")
    assert "550" in cells(out, "ja_vlm_7b/evovlm_jp_v1_7b")  # 500 and 50
    assert out.count("hf download SakanaAI/JA-VG-VQA-500") == 1


def test_what_is_gated_or_gone_is_told_and_the_rest_runs(
    call: Call, hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.server.redirect(monkeypatch, tmp_path / "empty")
    name = MODELS["evolved"]
    monkeypatch.setattr(hub.server.get(name), "gated", True)
    send = hub_server._Handler._json

    def stated(self: Any, value: Any) -> None:
        about = isinstance(value, dict) and value.get("id") == name
        card = {"license": "other", "license_name": "microsoft-research-license"}
        send(self, {**value, "cardData": card} if about else value)

    monkeypatch.setattr(hub_server._Handler, "_json", stated)
    code, out, err = call("only=[evollm_jp_v1_7b,arithmo2,japanese]", "limit_items=2")
    assert code == 2 and "Traceback" not in err
    told = {line.split(":")[1].strip(): line for line in err.splitlines() if ": not run: " in line}
    assert set(told) == {"evollm_jp_v1_7b", "arithmo2"}
    assert "gated (403): accept its licence on its page" in told["evollm_jp_v1_7b"]
    assert "hf auth login" in told["evollm_jp_v1_7b"]
    assert (
        f"licence: microsoft-research-license, {hub.server.url}/{name}" in told["evollm_jp_v1_7b"]
    )
    assert "no such repository on the Hub (404)" in told["arithmo2"]
    assert err.splitlines()[-1].startswith("suite: 2 of 3 rows not run; ")
    assert "not run: model" in cells(out, "ja_math_7b/arithmo2")
    assert "subset of 2: " in cells(out, "ja_math_7b/japanese")
    monkeypatch.undo()


def test_a_wrong_revision_is_told(call: Call) -> None:
    code, _, err = call("only=[abel]", f"task.models.abel={MODELS['abel']}@nowhere", *FEW)
    assert code == 2 and "no such revision (404); allowed are a branch, a tag, a commit" in err


def test_a_missing_data_set_is_told_before_anything_else(call: Call, tmp_path: Path) -> None:
    code, _, err = call("task.data=/nowhere")
    assert code == 2 and err.count("\n") == 1
    assert "hf download SakanaAI/gsm8k-ja-test_250-1319 --repo-type dataset" in err
    assert not (tmp_path / "results").exists()


def test_a_data_set_that_has_changed_is_refused(
    call: Call, small: small_math.Small, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small.data, data)
    words = ("only=[japanese]", f"task.data={data}", *FEW)
    assert call(*words)[0] == 0
    table = data / "mgsm/mgsm_ja.tsv"
    table.write_text(table.read_text().replace("\t9\n", "\t8\n", 1))  # of item 3
    code, _, err = call(*words)
    assert code == 2 and "the items of evaluator 'mgsm_ja' have changed since (sha256 " in err
    assert f"the first of 1 is item {asked(small.data)[3].id!r}" in err
    assert "use the data set of then, or another results folder" in err


def test_other_settings_are_another_measurement(call: Call) -> None:
    assert call("only=[japanese]", *FEW)[0] == 0
    code, _, err = call("only=[japanese]", *FEW, "task.dtype=float32")
    assert code == 2 and "settings.dtype: 'bfloat16' there, 'float32' now" in err


def test_a_row_that_never_began_takes_other_settings(
    call: Call, small: small_math.Small, hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was gated is named as a folder later on, and so may be."""
    with monkeypatch.context() as patch:
        hub.server.redirect(patch, tmp_path / "empty")
        patch.setattr(hub.server.get(MODELS["japanese"]), "gated", True)
        code, _, err = call("only=[japanese]", *FEW)
        assert code == 2 and "gated (403)" in err and "licence: see its page, http" in err
    word = f"task.models.japanese={small.models['japanese']}"
    code, _, err = call("only=[japanese]", word, *FEW)
    assert code == 0, err


def test_a_merge_that_is_not_finite_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Any, recipe: Any) -> None:
        raise MergeFailure("tensor 'w' is not finite")

    monkeypatch.setattr(PathMerger, "merge", failing)
    code, _, err = call("only=[ties_0.5,japanese]", "limit_items=2")
    assert code == 2 and "ties_0.5: the merge failed: tensor 'w' is not finite" in err
    assert "1 of 2 rows not run" in err


def test_out_of_memory_halves_the_batch_and_goes_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, sizes, most = handle.TransformersHandle._decode, [], 3

    def limited(self: Any, rows: Any, *more: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(self, rows, *more)

    monkeypatch.setattr(handle.TransformersHandle, "_decode", limited)
    code, _, err = call("only=[japanese]", *FEW, "batch_size=12")
    assert code == 0, err
    assert sizes[:3] == [12, 6, 3] and max(sizes[3:]) == 3
    assert "out of GPU memory with batch_size=12; goes on with 6" in err
    assert "out of GPU memory with batch_size=6; goes on with 3" in err
    assert len(lines(tmp_path / "results/published/ja_math_7b/japanese")) == 12
    most = 0
    code, _, err = call("only=[wizard]", *FEW, "batch_size=2")
    assert code == 2 and "out of GPU memory with one item at a time (batch_size=1)" in err


def test_a_missing_language_file_is_told_before_any_model_is_loaded(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    language.p_japanese.cache_clear()
    language._model.cache_clear()
    (tmp_path / "__init__.py").touch()
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    with monkeypatch.context() as patch:
        patch.setattr(language.importlib.util, "find_spec", lambda name: found)
        code, _, err = call("only=[japanese]")
    assert code == 2 and err.count("\n") == 1
    assert "the language gate needs lid.176.ftz" in err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["only=[nobody]"], "only: no published row 'nobody'; there are abel, "),
        (["only=[]"], "only=[]: name one row or more"),
        (["limit_items=0"], "limit_items=0: must be a whole number, 1 or more"),
        (["limit_items=few"], "limit_items=few: must be a whole number"),
        (["engine=vllm"], "engine=vllm: published scores are measured with transformers alone"),
        (["device=gpu"], "device=gpu: allowed are auto, cpu, cuda, cuda:N"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Call, words: list[str], said: str) -> None:
    code, _, err = call(*words)
    assert code == 2 and said in err and err.count("\n") == 1


def test_a_task_without_published_rows_is_refused(call: Call) -> None:
    code, _, err = call(task="ja_math_1b")
    assert code == 2 and "task ja_math_1b: no published rows" in err and "ja_vlm_7b" in err


def test_a_damaged_line_is_named(call: Call, tmp_path: Path) -> None:
    assert call("only=[japanese]", *FEW)[0] == 0
    path = tmp_path / "results/published/ja_math_7b/japanese/mgsm_ja.jsonl"
    path.write_text(path.read_text().replace("{", "", 1))
    code, _, err = call("only=[japanese]", *FEW)
    assert code == 2 and "mgsm_ja.jsonl, line 1: damaged" in err


def test_baselines_are_judged_as_before() -> None:
    """Rows of the sub-folder are none of a task's baselines, and scores beside a merge change nothing."""
    config = compose.compose(["task=ja_math_7b"])
    found = assemble.baselines(config)
    assert "evollm_jp_v1_7b" not in found and found["abel"].title == "linear"
    assert len(found) == len([*(places.data("baselines") / "ja_math_7b").glob("*.yaml")])
