"""From a configuration's ``_target_`` to the object it names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from suite.errors import BadInput


def build(config: Mapping[str, Any], allow: Sequence[str] = (), **more: Any) -> Any:
    """Call ``_target_`` with the other keys as arguments.

    Only targets inside ``suite`` or the `allow` prefixes are imported: a configuration file names
    what to build, it does not get to run anything.
    """
    options = dict(config)
    target = str(options.pop("_target_", ""))
    module_name, _, attribute = target.rpartition(".")
    allowed = ("suite", *allow)
    if not any(module_name == prefix or module_name.startswith(f"{prefix}.") for prefix in allowed):
        raise BadInput(
            f"_target_ {target!r} is not allowed; allowed modules: {', '.join(allowed)}"
            " (add yours with allow_targets=[...])"
        )
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"_target_ {target!r} cannot be imported: {error}") from None
    try:
        return factory(**options, **more)
    except TypeError as error:
        raise BadInput(f"{target}: {error}") from None
