"""Who of this process may talk to the Hub, and when."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite.checkpoints import network
from tests.hub_server import HubServer

HELD = """
import sys
from suite.checkpoints import network
network.hold()
from huggingface_hub import HfApi, constants
def reached():
    try:
        HfApi().model_info("lab/model")
    except ConnectionError:
        return False
    return True
print(reached(), end=" ")
with network.online():
    print(reached(), end=" ")
print(reached())
"""


@pytest.mark.parametrize(
    ("wish", "reached"),
    [("", "False True False"), ("1", "False False False"), ("0", "True True True")],
)
def test_libraries_are_held_off_the_network_unless_the_user_says(
    server: HubServer, tmp_path: Path, wish: str, reached: str
) -> None:
    environment = {**os.environ, **server.environment(tmp_path), "HF_HUB_OFFLINE": wish}
    done = subprocess.run(
        [sys.executable, "-c", HELD], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == reached, done.stderr


def test_online_gives_the_network_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("SUITE_HUB_HELD", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(KeyError), network.online():
        assert not constants.is_offline_mode()
        raise KeyError
    assert constants.is_offline_mode()
