from __future__ import annotations

import torch

from suite.merging.layout import ALIGNMENT, Layout


def test_layers_lie_in_order_on_aligned_starts() -> None:
    shapes = {f"model.layers.{i}.w": (3, 5) for i in range(12)}
    layout = Layout.of({"model.norm.weight": (7,), **shapes, "scale": ()})
    names = [segment.name for segment in layout.segments]
    assert names[:12] == [f"model.layers.{i}.w" for i in range(12)] and layout.layers == 12
    ends = 0
    for segment in layout.segments:
        assert segment.start % ALIGNMENT == 0 and segment.start >= ends
        ends = segment.stop
    assert layout.size >= ends and layout.size % ALIGNMENT == 0
    flat = torch.arange(layout.size)
    assert layout.view(flat, layout.segments[1]).shape == (3, 5)
    assert layout.view(flat, layout.segments[-1]).shape == ()
