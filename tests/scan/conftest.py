"""The replica of the predecessor's checkpoints, made once: what stands in it is read and never written."""

from __future__ import annotations

import pytest

from scan import replica
from scan.replica import Tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return replica.build(tmp_path_factory.mktemp("replica") / "checkpoints")
