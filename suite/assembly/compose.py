"""Hydra's part: overrides and YAML in, one parsed run out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from suite import resources
from suite.assembly.spec import RunSpec
from suite.errors import BadInput, Busy

SWEEP = frozenset({"-m", "--multirun"})


def parsed(config: Any, optimizer: str) -> RunSpec:
    """A composed configuration, resolved; `optimizer` is the name of the chosen file."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        resolved: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise BadInput(_one_line(error)) from None
    resolved["optimizer_options"] = resolved.pop("optimizer")
    resolved["optimizer"] = optimizer
    return RunSpec.parse(resolved)


def compose(words: list[str]) -> RunSpec:
    """The run that `suite run` with these words would have.

    ``--config-dir=DIR`` adds the user's own configuration folder, as Hydra's flag does for runs.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import open_dict

    flag = "--config-dir="
    overrides = [word for word in words if not word.startswith(flag)]
    for folder in (Path(word.removeprefix(flag)) for word in words if word.startswith(flag)):
        if not folder.is_dir():
            raise BadInput(f"--config-dir={folder}: no such folder")
        overrides.append(f"hydra.searchpath=[file://{folder.resolve()}]")
    with _readable_errors(), initialize_config_dir(str(resources.data("conf")), version_base="1.3"):
        config: Any = hydra_compose("config", overrides, return_hydra_config=True)
        optimizer = config.hydra.runtime.choices["optimizer"]
        with open_dict(config):
            del config["hydra"]
        return parsed(config, optimizer)


def each_job(words: list[str], job: Callable[[RunSpec], None]) -> None:
    """Do `job` for the run of ``words``: once, or once per point of a ``-m`` sweep.

    A refused point does not keep a sweep from its other points; the first refusal is raised last.
    A point that another process is at is no refusal in a sweep: several may share one.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig

    refused: list[BadInput] = []
    sweep = not SWEEP.isdisjoint(words)

    def entry(config: Any) -> None:
        try:
            job(parsed(config, HydraConfig.get().runtime.choices["optimizer"]))
        except BadInput as error:  # raised below: Hydra would print lines of its own
            if isinstance(error, Busy) and sweep:
                print(f"{error}: passed over", file=sys.stderr)
            else:
                refused.append(error)

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    flags = [w for w in words if w in SWEEP or w.startswith("--config-dir=")]
    # Hydra wants flags first.
    before, sys.argv = sys.argv, ["suite run", *flags, *(w for w in words if w not in flags)]
    try:
        with _readable_errors():
            hydra.main(str(resources.data("conf")), "config", "1.3")(entry)()
    finally:
        sys.argv = before
    if refused:
        raise refused[0]


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Hydra's and OmegaConf's complaints about the user's words become `BadInput`."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(_one_line(error)) from None


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = " ".join(line for line in lines if not line.startswith(("full_key:", "object_type=")))
    return words.partition(" Config search path:")[0]  # where Hydra looked is of no use here
