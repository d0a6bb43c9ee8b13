from __future__ import annotations

import pytest
import torch

from suite.errors import BadInput
from suite.merging.donor import Donor, models
from suite.merging.sources import Sources
from suite.recipes.recipe import Input, Recipe
from tests.merging.making import Weights, family, merged
from tests.nonempty import some

SHAPES = {
    "model.layers.0.mlp.weight": (9, 40),
    "model.layers.1.mlp.weight": (9, 40),
    "norm": (31,),
}
NAME = "shuffled(a - base, 3)"


@pytest.fixture
def near() -> dict[str, Weights]:
    """A base and models whose entries are quarters: differences and sums are exact."""
    found = family(SHAPES, ("base", "a", "b"))
    return {m: {n: (4 * t).round() / 4 for n, t in w.items()} for m, w in found.items()}


def vectors(models: dict[str, Weights], name: str = NAME, **more: bool) -> Weights:
    """The donor's task vector by tensor."""
    sources = Sources.from_tensors(models, **more)
    made, base = sources.flat(name), sources.flat("base")
    return {
        s.name: made[s.start : s.stop] - base[s.start : s.stop] for s in sources.layout.segments
    }


def test_each_tensor_keeps_its_entries_and_loses_their_order(near: dict[str, Weights]) -> None:
    for name, vector in some(vectors(near).items()):
        real = (near["a"][name] - near["base"][name]).flatten()
        assert torch.equal(vector.sort().values, real.sort().values)
        assert not torch.equal(vector, real)


def test_order_depends_on_seed_and_names_alone(near: dict[str, Weights]) -> None:
    first, again = vectors(near), vectors({m: near[m] for m in ("b", "base", "a")}, streamed=True)
    assert all(torch.equal(first[name], again[name]) for name in SHAPES)
    other = vectors(near, "shuffled(a - base, 4)")
    assert not any(torch.equal(first[name], other[name]) for name in SHAPES)
    one, two = ({**near["a"]}, {**near["base"]})
    for weights in (one, two):  # equal tensors under two names
        weights["model.layers.1.mlp.weight"] = weights["model.layers.0.mlp.weight"]
    found = vectors({"base": two, "a": one})
    assert not torch.equal(*(found[name] for name in SHAPES if "mlp" in name))


def test_entries_go_anywhere() -> None:
    """A shuffle has no favourite place: where one entry goes is uniform (chi-square, p > .001)."""
    one = {"w": torch.zeros(5)}
    mark = {"w": torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])}
    sources = Sources.from_tensors({"base": one, "a": mark})
    places = [int(sources.flat(f"shuffled(a - base, {n})").argmax()) for n in range(500)]
    counts = torch.bincount(torch.tensor(places), minlength=5).float()
    assert float(((counts - 100) ** 2 / 100).sum()) < 18.5


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_engine_merges_a_donor(
    near: dict[str, Weights], mode: str, dtype: torch.dtype
) -> None:
    narrow = {m: {n: t.to(dtype) for n, t in w.items()} for m, w in near.items()}
    parts = (Input("b", {"weight": 1.0}), Input(NAME, {"weight": 0.5}))
    found = merged(narrow, Recipe("task_arithmetic", parts, "base"), mode)
    donor = vectors(narrow)
    for name in SHAPES:
        want = narrow["b"][name].float() + 0.5 * donor[name].view(SHAPES[name]).float()
        assert torch.allclose(found[name], want, atol=1e-6)
    trimmed = tuple(Input(part.model, {**part.parameters, "density": 0.3}) for part in parts)
    ties = Recipe("ties", trimmed, "base")
    assert all(
        torch.allclose(merged(narrow, ties, "eager")[n], merged(narrow, ties, mode)[n])
        for n in SHAPES
    )


def test_names() -> None:
    assert Donor.parse(NAME) == Donor("a", "base", 3)
    assert models(NAME) == ("a", "base") and models("org/a@main") == ("org/a@main",)
    for name in ("a", "shuffled(a)", "shuffled(a - base, -1)", "shuffled(a - base, 1) "):
        assert Donor.parse(name) is None


def test_a_donor_of_no_source_is_refused(near: dict[str, Weights]) -> None:
    sources = Sources.from_tensors(near)
    with pytest.raises(BadInput, match="model 'c' is no source; there are base, a, b"):
        sources.flat("shuffled(c - base, 0)")
    assert sources.flat(NAME) is sources.flat(NAME) and sources.names == ("base", "a", "b")
