"""From a configuration's ``_target_`` to the object it names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.errors import BadInput

KEY = "_target_"


@dataclass(frozen=True)
class Target:
    """What configuration asks to be built.

    `path` is the importable name of a class or function, `options` what it is called with.
    """

    path: str
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, given: Any, where: str) -> Target:
        """``{_target_: path, option: value, …}``; `BadInput` beginning with `where` for anything else."""
        if not isinstance(given, Mapping):
            raise BadInput(f"{where}: must be a mapping with {KEY}; it is {given!r}")
        options = {str(key): value for key, value in given.items() if key != KEY}
        return cls(str(given.get(KEY, "")), options)

    @property
    def name(self) -> str:
        """The option ``name``, which every evaluator has."""
        return str(self.options["name"])

    def load(self, allow: Sequence[str] = ()) -> Any:
        """What `path` names, imported.

        Only targets inside ``suite`` or the `allow` prefixes are imported: a configuration file
        names what to build, it does not get to run anything.
        """
        module, _, attribute = self.path.rpartition(".")
        allowed = ("suite", *allow)
        if not any(module == prefix or module.startswith(f"{prefix}.") for prefix in allowed):
            raise BadInput(
                f"{KEY} {self.path!r} is not allowed; allowed modules: {', '.join(allowed)}"
                " (add yours with allow_targets=[...])"
            )
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise BadInput(f"{KEY} {self.path!r} cannot be imported: {error}") from None

    def build(self, allow: Sequence[str] = (), **more: Any) -> Any:
        """Call what `path` names with the options, and with `more` that no configuration holds."""
        factory = self.load(allow)
        try:
            return factory(**self.options, **more)
        except TypeError as error:
            raise BadInput(f"{self.path}: {error}") from None
