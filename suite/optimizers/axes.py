"""The axes of a merge space: all layers of a source at one value.

``weight.japanese.layers.3`` and ``weight.japanese.head`` are one *axis*, ``weight.japanese``; in a
hybrid space the names begin with ``merge.``. Whoever sets weights by hand moves axes, not layers.
"""

from __future__ import annotations

import re

from suite.spaces.space import SearchSpace

KNOBS = ("weight", "t", "lambda")
_PART = re.compile(r"\.(embeddings|head|layers\.\d+(-\d+)?)$")

Axes = dict[str, list[int]]


def axes(space: SearchSpace) -> tuple[Axes, bool]:
    """The parameters that move together, and whether they are merge weights by name.

    Parameters
    ----------
    space : SearchSpace
        Any space; names decide.

    Returns
    -------
    axes : dict of str to list of int
        Indices of the parameters of each axis, named after the first of `KNOBS` that the space has:
        ``weight``, or ``t`` of SLERP, or ``lambda``. A space of other names has each of its floats as
        an axis, and one without floats every parameter.
    weights : bool
        Whether the axes are merge weights by name.

    Examples
    --------
    >>> from suite.spaces.space import Parameter
    >>> axes(SearchSpace([Parameter("weight.a.layers.0"), Parameter("weight.a.head"), Parameter("t")]))
    ({'weight.a': [0, 1]}, True)
    """
    names = [_PART.sub("", name.removeprefix("merge.")) for name in space.names]
    for knob in KNOBS:
        found: Axes = {}
        for index, name in enumerate(names):
            if name.split(".")[0] == knob:
                found.setdefault(name, []).append(index)
        if found:
            return found, True
    floats = [i for i, p in enumerate(space.parameters) if p.levels == 0]
    return {space.names[i]: [i] for i in floats or range(space.d)}, False
