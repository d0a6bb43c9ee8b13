"""The picture of layer paths: blocks in order, one colour per part, the scale as shade and figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import synthetic

from suite.recipes.layer_path import Hop, LayerPath
from suite.report.load.load import load
from suite.report.load.results import Results
from suite.report.page import path_diagrams
from suite.report.rows import paths


@pytest.fixture(scope="module")
def results(hopping: Path) -> Results:
    return load(hopping, synthetic.TASK)


def with_paths(results: Results, *made: LayerPath) -> Results:
    """One run per path, its only judged trial."""
    run = results.runs[0]
    line = run.chosen["best ja_math"]
    runs = [
        replace(run, seed=seed, reported=(judged,), chosen={"best ja_math": judged})
        for seed, path in enumerate(made)
        for judged in [replace(line, recipe=path.to_json())]
    ]
    return replace(results, runs=tuple(runs))


def test_blocks_are_the_hops_from_input_to_output(results: Results) -> None:
    picture = path_diagrams.diagrams(results)
    assert picture is not None
    for shown, diagram in zip(paths.shown(results), picture.diagrams, strict=True):
        hops = shown.path.hops
        assert [block.layer for block in diagram.blocks] == [hop.layer for hop in hops]
        lefts = [block.x for block in diagram.blocks]
        assert lefts == sorted(set(lefts))
        assert lefts[-1] + path_diagrams.SIDE <= diagram.width
        for place, (block, hop) in enumerate(zip(diagram.blocks, hops, strict=True)):
            assert block.part.label.startswith(hop.part)
            assert f"hop {place}: layer {hop.layer} of {hop.part}" in block.tip
            assert f"input × {hop.scale:.4g}" in block.tip
            assert f"so far: {shown.path.cumulative[place]:.4g}" in block.tip
            assert block.scale == ("" if hop.scale == 1 else f"{hop.scale:.2f}")


def test_a_merge_is_labelled_with_its_method_and_the_frame_with_what_it_lends(
    results: Results,
) -> None:
    picture = path_diagrams.diagrams(results)
    assert picture is not None
    labels = {part.label: part for part in picture.parts}
    assert set(labels) == {
        "blend (task_arithmetic), with embeddings, final norm and head", "ja",
    }  # fmt: skip
    assert len({part.colour for part in picture.parts}) == 2


def test_shades_follow_the_scales(results: Results) -> None:
    path = LayerPath("ja", tuple(Hop("ja", k, s) for k, s in enumerate((1.0, 0.5, 1.5, -0.5))))
    picture = path_diagrams.diagrams(with_paths(results, path))
    assert picture is not None
    assert picture.scales == (("−0.50", 0.0), ("1.00", 0.75), ("1.50", 1.0))
    assert [block.shade for block in picture.diagrams[0].blocks] == [0.75, 0.5, 1.0, 0.0]
    assert [block.scale for block in picture.diagrams[0].blocks] == ["", "0.50", "1.50", "−0.50"]


def test_without_scales_there_is_no_legend_of_shades(results: Results) -> None:
    picture = path_diagrams.diagrams(
        with_paths(results, LayerPath("ja", (Hop("ja", 0), Hop("b", 0))))
    )
    assert picture is not None
    assert picture.scales == ()
    assert {block.shade for block in picture.diagrams[0].blocks} == {0.5}


def test_more_parts_than_colours_are_told_apart(results: Results) -> None:
    names = [f"model_{k}" for k in range(9)]
    picture = path_diagrams.diagrams(
        with_paths(results, LayerPath(names[0], tuple(Hop(n, 0) for n in names)))
    )
    assert picture is not None
    assert len({(part.colour, part.dashed) for part in picture.parts}) == 9


def test_facts_hold_the_scores_that_were_measured(results: Results) -> None:
    picture = path_diagrams.diagrams(results)
    assert picture is not None
    for shown, diagram in zip(paths.shown(results), picture.diagrams, strict=True):
        share = 100 * shown.scores["maths.right_ja"].value
        assert diagram.facts.startswith(f"{len(shown.path.hops)} layers; ja_math {share:.1f} %")
        assert diagram.facts.endswith(f"depth {len(shown.path.hops)}.0 layers")
        assert f"{shown.optimizer} · seed {shown.seed} · trial {shown.trial}" == diagram.name


def test_merges_give_no_picture(small: Path) -> None:
    assert path_diagrams.diagrams(load(small, synthetic.TASK)) is None
