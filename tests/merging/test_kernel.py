"""The compiled kernels beside the eager operations, which they repeat in registers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import BadInput
from suite.merging import MergeFailure, Merger, Sources, kernel
from suite.merging.eager import Eager
from suite.recipes.recipe import Input, Recipe
from tests.merging.making import MEASURED, RECIPES, family, live_model, merged, snapshot
from tests.merging.reference import expected

pytestmark = pytest.mark.skipif(kernel.compiler() is None, reason="needs a C++ compiler")
SHAPES = {
    "embed_tokens.weight": (50, 24),
    "layers.0.mlp.up": (40, 33),
    "layers.0.self_attn.q": (24, 24),
    "layers.1.mlp.up": (40, 33),
    "layers.1.self_attn.q": (24, 24),
    "layers.1.self_attn.bias": (7,),
    "layers.2.mlp.up": (40, 33),
    "model.norm.weight": (24,),
    "one": (1,),
}
HALF, FULL, SIXTEEN = torch.bfloat16, torch.float32, torch.float16
LAYERS = 3


# Each is a kernel to compile. What differs with the types alone, how a number is read and written, is the
# same text in all of them: where both differ a few recipes stand for the rest, which are slow.
PURE, MIXED = [(FULL, FULL), (HALF, HALF)], [(FULL, SIXTEEN), (HALF, FULL)]
SAMPLE = {"linear", "ties", "breadcrumbs ties", "dare ties paper", "della paper", "sce"}
KERNELS = [
    pytest.param(
        name, types, marks=[pytest.mark.slow] if types in MIXED and name not in SAMPLE else []
    )
    for name in sorted(set(RECIPES) - MEASURED)
    for types in (*PURE, *MIXED)
]


def test_the_sample_is_of_these_recipes() -> None:
    assert set(RECIPES) - MEASURED >= SAMPLE


@pytest.mark.parametrize(("name", "types"), KERNELS)
def test_equals_eager_bit_for_bit(name: str, types: tuple[torch.dtype, torch.dtype]) -> None:
    source, live = types
    models = family(SHAPES, dtype=source)
    recipe = RECIPES[name]
    found = [snapshot(merged(models, recipe, mode, live)) for mode in ("eager", "compiled")]
    assert found[0] == found[1]


@pytest.mark.parametrize("source", [FULL, HALF])
@pytest.mark.parametrize("name", sorted(MEASURED))
def test_what_is_measured_differs_by_the_order_of_a_sum(name: str, source: torch.dtype) -> None:
    """Eager adds up in float64, the kernel in float32 in blocks of 1,024: two units of rounding."""
    models = family(SHAPES, dtype=source)
    one, two = (merged(models, RECIPES[name], mode) for mode in ("eager", "compiled"))
    for tensor in SHAPES:
        want = expected(RECIPES[name], models, tensor, LAYERS)
        assert not want.misses(two[tensor].numpy()).any()
        apart = (one[tensor] - two[tensor]).abs().ravel()
        assert (apart.numpy()[want.single] <= want.bound()[want.single]).all()


@pytest.mark.parametrize("size", [1, 1000, 5000, 70_000])
@pytest.mark.parametrize("method", ["dare_linear", "della_linear", "ties"])
def test_measured_weights_agree_to_two_units_in_the_last_place(method: str, size: int) -> None:
    """Over a base of zeros a merge of one model is its weight times what stays."""
    models = family({"w": (size,)})
    models["base"]["w"] = torch.zeros(size)
    source = Input("a", {"weight": 1.0, "density": 0.6})
    more: dict[str, Any] = {"rescale": "l1", "normalize": False}
    recipe = Recipe(method, (source,), "base", more)
    one, two = (merged(models, recipe, mode)["w"].double() for mode in ("eager", "compiled"))
    kept = one != 0
    assert torch.equal(kept, two != 0)
    factors = [each[kept] / models["a"]["w"][kept] for each in (one, two)]
    # a unit more for the rounding of both products
    assert bool(((factors[0] - factors[1]).abs() <= 3 * 2.0**-23 * factors[0]).all())


def test_tasks_and_threads_do_not_change_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    models = family({"layers.0.mlp.up": (70, 1000), "layers.1.norm": (33,)})
    before, found = torch.get_num_threads(), []
    try:
        for task, threads in ((1 << 15, 1), (1 << 15, 3), (1 << 10, 2)):
            torch.set_num_threads(threads)
            monkeypatch.setattr(kernel, "TASK", task)
            found.append(
                {
                    name: snapshot(merged(models, recipe, "compiled"))
                    for name, recipe in RECIPES.items()
                    if task == 1 << 15 or name not in MEASURED
                }
            )
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
    assert found[2] == {name: found[0][name] for name in found[2]}


def test_many_small_tensors_are_all_written() -> None:
    models = family({f"layers.{i}.mlp.up": (17, 3) for i in range(200)})
    found = [merged(models, RECIPES["ties"], mode) for mode in ("eager", "compiled")]
    assert snapshot(found[0]) == snapshot(found[1])


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERGE_SUITE_CACHE", str(tmp_path))
    kernel._variant.cache_clear()
    return tmp_path


def ran(mode: str) -> None:
    models = family({"w": (5, 3)})
    merged(models, RECIPES["linear"], mode)


def test_a_variant_is_compiled_once_for_all_processes(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, run = [], subprocess.run

    def counted(command: list[str], **more: Any) -> Any:
        calls.append(command)
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", counted)
    ran("compiled")
    libraries = [path for path in empty_cache.rglob("*") if path.is_file()]
    assert sum("-o" in command for command in calls) == 1
    assert len(libraries) == 1 and libraries[0].suffix == ".so"
    calls.clear()
    kernel._variant.cache_clear()  # what a new process starts from
    ran("compiled")
    assert not any("-o" in command for command in calls)
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == libraries


def test_other_sources_are_other_libraries(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran("compiled")
    copy = tmp_path / "kernel.cpp"
    copy.write_text(kernel.SOURCE.read_text() + "\n// changed\n")
    monkeypatch.setattr(kernel, "SOURCE", copy)
    kernel._variant.cache_clear()
    ran("compiled")
    assert len(list(empty_cache.rglob("*.so"))) == 2


@pytest.mark.parametrize(
    ("compiler", "message"),
    [("/nowhere/c++", "no C\\+\\+ compiler: .*merge eagerly"), ("false", "cannot compile")],
)
def test_a_missing_or_broken_compiler(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, message: str
) -> None:
    """`auto` falls back where there is none; one that fails is an error that someone should see."""
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(BadInput, match=message) as error:
        ran("compiled")
    assert "\n" not in str(error.value)
    assert not list(empty_cache.rglob("*.so"))
    if compiler == "false":
        with pytest.raises(BadInput, match=message):
            ran("auto")
    else:
        ran("auto")
        ran("eager")


def test_a_compiler_without_native_flags_still_compiles(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "_NATIVE", ["-march=no-such-processor"])
    models = family(SHAPES)
    found = [merged(models, RECIPES["ties"], mode) for mode in ("eager", "compiled")]
    assert snapshot(found[0]) == snapshot(found[1])


def test_auto_compiles_where_a_compiler_is() -> None:
    models = family({"w": (5, 3)})
    sources = Sources.from_tensors(models)
    kinds = [type(Merger(sources, live_model(models["a"]), mode)._runner) for mode in MODES]
    assert kinds == [kernel.Kernel, Eager, kernel.Kernel]


MODES: tuple[Any, ...] = ("auto", "eager", "compiled")


def test_an_unknown_mode() -> None:
    models = family({"w": (5, 3)})
    with pytest.raises(BadInput, match="mode is 'fast'; allowed are auto, eager, compiled"):
        merged(models, RECIPES["linear"], "fast")


@pytest.mark.parametrize("live", [FULL, HALF, SIXTEEN])
@pytest.mark.parametrize("bits", [0x7FFFFFFF, 0x7FC00000, 0x7F800001, -1, 0x7F800000])
def test_no_bits_of_a_nan_or_infinity_go_unnoticed(live: torch.dtype, bits: int) -> None:
    """Rounding to bfloat16 carries into the sign of some NaNs."""
    weights = {"a.weight": torch.ones(40)}
    sources = Sources.from_tensors({"a": weights})
    sources.flat("a").view(torch.int32)[7] = bits
    merger = Merger(sources, live_model(weights, live), "compiled")
    with pytest.raises(MergeFailure, match=r"a\.weight"):
        merger.merge(Recipe("linear", (Input("a", {"weight": 1.0}),)))


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_equal_task_vectors_have_no_variance(mode: str) -> None:
    """Three equal numbers do not sum to three times one of them; SCE selects nothing here."""
    models = family({"w": (100,)}, names=("base", "a"))
    models |= dict.fromkeys("bc", models["a"])
    recipe = Recipe("sce", tuple(map(Input, "abc")), "base", {"select_topk": 0.5})
    assert torch.equal(merged(models, recipe, mode)["w"], models["base"]["w"])
