"""What the tests of the replica compare with, checked by unpickling: only files that the test made itself."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch

from scan.replica import Tree


@pytest.mark.slow
def test_torch_reads_what_was_noted(tree: Tree) -> None:
    for path, file in tree.files.items():
        content = torch.load(tree.root / path, weights_only=False)
        assert list(content) == file.keys
        assert content.get("config") == file.config
        assert content.get("epoch") == file.epoch
        for key, (count, elements) in file.tensors.items():
            assert (len(content[key]), sum(one.numel() for one in content[key].values())) == (count, elements)
        noted = [one for one in file.metrics if one.source == "metrics"]
        assert [one.key for one in noted] == list(content.get("metrics", {}))
        for one in noted:
            value = content["metrics"][one.key]
            if isinstance(value, np.generic):
                assert one.dtype == f"numpy.{value.dtype}"
                assert value.tobytes() == struct.pack({4: "<f", 8: "<d"}[value.nbytes], one.value)
                continue
            assert one.dtype == type(value).__name__
            if isinstance(value, dict):
                value = {str(level): item for level, item in value.items()}
            assert (type(value), value) == (type(one.value), one.value)
        for one in file.metrics:
            if one.source == "top level":
                assert content[one.key] == one.value
            elif one.source != "metrics":
                last = content[one.key][-1]
                assert one.value == (last / 19_683 if one.source.endswith("/ 19683") else last)
