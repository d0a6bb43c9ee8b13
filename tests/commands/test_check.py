"""`suite check`, `list` and the front door; a task of one's own by configuration alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from suite import resources
from suite.__main__ import main
from tests.hub_server import HubServer

Suite = Callable[..., tuple[int, str, str]]

OWN_TASK = """\
# Two models, one weight each.
defaults:
  - /merge@merge: task_arithmetic_source
  - /evaluator@evaluators.en_math: en_math_micro
  - /objective@objectives.en_math: en_math
  - _self_
name: own
base: base
models:
  base: {zoo}/base
  maths: {zoo}/math_add
evaluators:
  en_math: {{items: {items}}}
baselines: {baselines}
"""

OWN_BASELINE = """\
# The expert alone.
merge_method: linear
models:
  - model: maths
    parameters: {weight: 1.0}
"""


def test_check_says_what_a_task_consists_of(suite: Suite) -> None:
    code, out, err = suite("check", "task=ja_math_micro")
    assert code == 0, err
    for word in ("24 parameters", "math_mul", "ja_general.em", "task_arithmetic_0.4", "disjoint"):
        assert word in out
    assert "base (base): MistralForCausalLM, 1.31M parameters, BF16, vocabulary 776" in out
    assert "0 B; " in out and "at least" in out  # nothing to download; memory


def test_a_fast_check_loads_no_model(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.evaluators.models.handle.load", None)
    monkeypatch.setattr("suite.merging.sources.Sources.load", None)
    code, out, err = suite("check", "--fast", "task=ja_math_micro")
    assert code == 0 and "models fit; splits are disjoint" in out, err
    assert "search 8, select 8, report 8" in out and "ja_general.em" in out


def test_a_check_without_downloads_states_them(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {p.name: p.read_bytes() for p in (resources.ZOO / "ja_math_micro/japanese").iterdir()}
    files["README.md"] = b"---\nlicense: apache-2.0\n---\n"
    with HubServer() as server:
        sha = server.add("lab/japanese", files)
        server.redirect(monkeypatch, tmp_path / "hf")
        code, out, err = suite("check", "--fast", "task.models.japanese=lab/japanese")
        assert code == 0, err
        row = next(line for line in out.splitlines() if " japanese: " in line)
        size = f"{sum(map(len, files.values())) / 1e6:.4g} MB to download"
        for fact in ("licence apache-2.0", f"lab/japanese@{sha}", size):
            assert fact in row
        assert all(request.range for request in server.fetched("model.safetensors"))
        monkeypatch.setattr("suite.checkpoints.compatibility.disk_free", lambda: 1_000_000)
        for command in ("check", "run"):
            code, _, err = suite(command, "task.models.japanese=lab/japanese")
            assert code == 2 and "suite: disk: 2.6" in err and "1 MB free" in err
        assert all(request.range for request in server.fetched("model.safetensors"))


def test_a_task_of_ones_own_needs_no_code(
    tmp_path: Path, few_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "expert.yaml").write_text(OWN_BASELINE)
    zoo = resources.ZOO / "ja_math_micro"
    text = OWN_TASK.format(zoo=zoo, items=few_of("en_math"), baselines=tmp_path / "hand")
    (tmp_path / "conf" / "task" / "own.yaml").write_text(text)
    words = [f"--config-dir={tmp_path / 'conf'}", "task=own", f"results={tmp_path}"]
    for command in (["check"], ["run", "optimizer=tpe", "trials=2"], ["judge"]):
        assert main([command[0], *words, *command[1:]]) == 0, capsys.readouterr().err
    assert main(["report", f"results={tmp_path}"]) == 0
    assert (tmp_path / "own" / "report" / "index.html").exists()


def test_list_names_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, name in (
        ("tasks", "ja_math_micro_3obj"),
        ("optimizers", "como_cma_es"),
        ("merges", "dare_ties"),
        ("baselines", "ja_math_micro/ties_0.2"),
    ):
        assert main(["list", kind]) == 0
        lines = capsys.readouterr().out.splitlines()
        row = next(line for line in lines if line.split()[0] == name)
        assert len(row.split()) > 3  # says what it is


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["list"], ["list", "nonsense"], ["report", "x"]]
)
def test_wrong_words_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_configuration_folder_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config-dir=/no/such/folder"]) == 2
    assert "/no/such/folder" in capsys.readouterr().err
