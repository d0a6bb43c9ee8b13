from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from suite.merging import Sources, tables
from suite.merging.plan import Edges
from suite.merging.tables import Tables
from tests.merging.making import Weights, family
from tests.nonempty import some

SHAPES = {"layers.0.w": (7, 30), "layers.1.w": (3, 5), "norm": (24,), "one": (1,), "some": ()}


def made(models: dict[str, Weights], **more: Any) -> Tables:
    return Tables(Sources.from_tensors(models), **more)


def reached(edges: Edges, index: int, vector: Any) -> Any:
    """Which elements reach the edge of the `index`-th tensor."""
    bits = np.abs(vector).astype(np.float32).view(np.int32)
    before = np.arange(bits.size) < edges.cut[index]
    return bits >= np.where(before, edges.before[index], edges.after[index])


LEVELS = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])  # equal magnitudes are frequent
VECTORS = st.one_of(
    st.lists(LEVELS, min_size=1, max_size=40),
    st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=40),
    st.integers(1, 20).map(lambda n: [0.0] * n),
)


@settings(max_examples=200)
@given(VECTORS, st.floats(0, 1))
def test_edges_keep_exactly_as_many_as_asked(values: list[float], share: float) -> None:
    """Of equal magnitudes: the first of the largest, the last of the ascending ranks (stable)."""
    vector = np.array(values, dtype=np.float32)
    weights = {"x": torch.from_numpy(vector), "y": torch.ones(3)}
    found = made({"base": {n: torch.zeros_like(t) for n, t in weights.items()}, "m": weights})
    kept, places = np.array([round(share * vector.size)]), np.array([0])
    largest = reached(found.smallest("base", "m", kept, places), 0, vector)
    order = np.argsort(-np.abs(vector), kind="stable")
    assert sorted(np.flatnonzero(largest)) == sorted(order[: kept[0]])
    above = reached(found.from_rank("base", "m", kept, places), 0, vector)
    order = np.argsort(np.abs(vector), kind="stable")
    assert sorted(np.flatnonzero(above)) == sorted(order[kept[0] :])


def test_edges_of_many_tensors_at_once() -> None:
    models = family(SHAPES)
    found = made(models)
    places = np.array([4, 0, 2])
    sizes = found.sizes[places]
    edges = found.smallest("base", "a", sizes // 2, places)
    for index, place in enumerate(places):
        name = found.layout.segments[place].name
        vector = (models["a"][name] - models["base"][name]).numpy().ravel()
        assert reached(edges, index, vector).sum() == sizes[index] // 2


def test_orders_and_ranks_are_numpys_stable_argsort() -> None:
    models = family(SHAPES)
    models["a"]["layers.0.w"] = models["base"]["layers.0.w"] + torch.randint(
        -2, 3, (7, 30), generator=torch.Generator().manual_seed(0)
    )
    found = made(models)
    ranks = found.row_ranks("base", "a")
    orders = {up: found._order("base", "a", up) for up in (True, False)}
    for segment in some(found.layout.segments):
        vector = (models["a"][segment.name] - models["base"][segment.name]).numpy()
        sizes, part = np.abs(vector).ravel(), slice(segment.start, segment.stop)
        assert (orders[True][part] == np.argsort(sizes, kind="stable")).all()
        assert (orders[False][part] == np.argsort(-sizes, kind="stable")).all()
        rows = sizes.reshape(-1, vector.shape[-1] if vector.shape else 1)
        want = np.argsort(np.argsort(rows, axis=1, kind="stable"), axis=1, kind="stable")
        assert (ranks[part].reshape(rows.shape) == want).all()


def test_most_varied_keeps_a_share_of_what_varies() -> None:
    models = family({"w": (9, 20)}, ("base", "a", "b"))
    for name in "ab":
        models[name]["w"][:3] = models["base"]["w"][:3] + 0.5  # 60 elements do not vary
    found = made(models)
    vectors = [(models[n]["w"] - models["base"]["w"]).ravel() for n in "ab"]
    variance = tables.variance(vectors).numpy()
    want = np.var([v.double().numpy() for v in vectors], axis=0)
    np.testing.assert_allclose(variance, want, rtol=1e-5, atol=1e-12)
    for share, kept in ((0.0, 0), (0.5, 60), (0.999, 119), (1e-9, 0)):
        edges = found.most_varied("base", ("a", "b"), np.array([share]), np.array([0]))
        chosen = reached(edges, 0, variance)
        assert set(np.flatnonzero(chosen)) == set(np.argsort(-variance, kind="stable")[:kept])


@pytest.mark.parametrize("base", [None, "base"])
def test_gram_and_norms(base: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_CHUNK", 16)  # several blocks per tensor
    models = family(SHAPES)
    found = made(models)
    gram, norms = found.gram(("a", "b", "c"), base), found.l1_norms("base", "a")
    for index, segment in some(enumerate(found.layout.segments)):
        under = 0 if base is None else models["base"][segment.name]
        stack = [(models[n][segment.name] - under).double().numpy().ravel() for n in "abc"]
        np.testing.assert_allclose(gram[index], np.array(stack) @ np.array(stack).T, atol=1e-10)
        vector = models["a"][segment.name] - models["base"][segment.name]
        assert norms[index] == pytest.approx(float(vector.abs().double().sum()), rel=1e-12)


def test_what_depends_on_sources_is_computed_once() -> None:
    found = made(family(SHAPES))
    assert found.gram(("a", "b")) is found.gram(("a", "b"))
    assert found.row_ranks("base", "a") is found.row_ranks("base", "a")
    assert found.row_ranks("base", "a") is not found.row_ranks("base", "b")


def saved(folder: Path, seed: int = 0, rows: int = 6) -> dict[str, Path]:
    for name, weights in family({"embed_tokens.weight": (rows, 8)}, seed=seed).items():
        (folder / name).mkdir(parents=True)
        save_file(weights, folder / name / "model.safetensors")
    return {name: folder / name for name in ("base", "a", "b")}


def test_tables_are_found_again_by_the_files_they_are_of(tmp_path: Path) -> None:
    folders, cache = saved(tmp_path / "models"), tmp_path / "cache"
    first = Tables(Sources.load(folders), cache)
    ranks, gram = first.row_ranks("base", "a"), first.gram(("a", "b"), "base")
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(kept) == 2
    again = Tables(Sources.load(folders), cache)
    mapped = again.row_ranks("base", "a")
    assert isinstance(mapped, np.memmap) and (mapped == ranks).all()
    assert (again.gram(("a", "b"), "base") == gram).all()
    renamed = {"base": folders["base"], "other": folders["a"]}
    assert (Tables(Sources.load(renamed), cache).row_ranks("base", "other") == ranks).all()
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept


def test_tables_of_other_files_are_not_taken(tmp_path: Path) -> None:
    folders, cache = saved(tmp_path / "models"), tmp_path / "cache"
    ranks = Tables(Sources.load(folders), cache).row_ranks("base", "a")
    others = Tables(Sources.load(saved(tmp_path / "others", seed=5)), cache)
    assert not (others.row_ranks("base", "a") == ranks).all()
    swapped = Tables(Sources.load(folders), cache).row_ranks("a", "base")
    assert len(list(cache.iterdir())) == 3 and swapped.shape == ranks.shape
    # gram(a, b) of models and of task vectors are different tables
    both = Tables(Sources.load(folders), cache)
    assert not np.allclose(both.gram(("a", "b")), both.gram(("a", "b"), "base"))
    assert len(list(cache.iterdir())) == 5


def test_tables_of_a_cut_vocabulary_are_their_own(tmp_path: Path) -> None:
    long, cache = saved(tmp_path / "long", rows=9), tmp_path / "cache"
    short = saved(tmp_path / "short", rows=6)
    whole = Tables(Sources.load({"a": long["a"], "b": long["b"]}), cache).gram(("a", "b"))
    mixed = {"base": short["base"], "a": long["a"], "b": long["b"]}
    cut = Tables(Sources.load(mixed, vocabulary="cut"), cache).gram(("a", "b"))
    assert len(list(cache.iterdir())) == 2 and not np.allclose(whole, cut)


def test_tensors_without_files_are_not_kept_on_disk(tmp_path: Path) -> None:
    found = made(family(SHAPES), cache=tmp_path / "cache")
    found.gram(("a", "b"))
    assert not (tmp_path / "cache").exists()
