from __future__ import annotations

from suite.rules import METHODS
from suite.values import checked


def test_defaults_are_allowed() -> None:
    for method in METHODS.values():
        for name, rule in method.parameters.items():
            if rule.default is not None:
                assert checked(rule.default, rule, name) == rule.default
