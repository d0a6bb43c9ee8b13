from __future__ import annotations

import importlib

import pytest

from suite.recipes.method_table import METHODS
from suite.recipes.parameters import checked

OURS_ONLY = {"seed"}
# int8_mask changes no result; task_arithmetic makes nothing sparse.
WITHOUT_EFFECT = {"int8_mask"}
TASK_ARITHMETIC_ONLY = {"density", "rescale"}


def test_defaults_are_allowed() -> None:
    for method in METHODS.values():
        for name, rule in method.parameters.items():
            if rule.default is not None:
                assert checked(rule.default, rule, name) == rule.default


@pytest.mark.parametrize("name", METHODS)
def test_parameters_and_defaults_are_mergekits(name: str) -> None:
    pytest.importorskip("mergekit")
    registry = importlib.import_module("mergekit.merge_methods.registry")
    scope = importlib.import_module("mergekit.merge_methods.base").ParameterScope
    without = WITHOUT_EFFECT | (TASK_ARITHMETIC_ONLY if name == "task_arithmetic" else set())
    theirs = {p.name: p for p in registry.get(name).spec.parameters if p.name not in without}
    ours = METHODS[name].parameters
    assert set(ours) - OURS_ONLY == set(theirs)
    for parameter, spec in theirs.items():
        rule = ours[parameter]
        assert rule.per_input == (spec.scope is not scope.SHARED), parameter
        assert (rule.default is None) == spec.required, parameter
        if spec.required:
            continue
        default = {"l1": True, "none": False}.get(str(rule.default), rule.default)
        # passthrough: no scale there, a scale of 1 here
        assert default == (1.0 if spec.default is None else spec.default), parameter
        kind = {bool: ("switch", "choice"), int: ("integer",)}.get(spec.value_type, ("number",))
        assert rule.kind in kind, parameter


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("count", range(5))
def test_bases_and_numbers_of_inputs_are_mergekits(name: str, count: int) -> None:
    pytest.importorskip("mergekit")
    method = METHODS[name]
    contract = importlib.import_module("mergekit.merge_methods.registry").get(name).spec.contract
    base = {"subtracted": "base", "if_given": "base", "input": "0", "optional": None}[method.base]
    models = [str(index) for index in range(count)]
    listed = [*models, "base"] if base == "base" else models
    try:
        contract.validate_ids(listed, base)
        fits = True
    except ValueError:
        fits = False
    # mergekit gives the base back where there is nothing to merge into it; here that is no merge
    assert method.allows(count) == (fits and count > 0)
