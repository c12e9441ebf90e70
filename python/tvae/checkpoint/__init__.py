"""Checkpoints: safetensors with a record of where they come from, written whole, read strictly.

A file holds the model's tensors by module name and the record as JSON in the header. A resume
state adds tensors named `state/<name>` and a second JSON, so it is a valid weights file too.
Nothing here pickles or unpickles; importing it and reading a record stay free of torch.

Example:
    >>> from tempfile import TemporaryDirectory
    >>> import torch
    >>> record = Record(architecture={"model_class": "TernaryVAE", "depth": 9}, epoch=3)
    >>> with TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/best.safetensors", Checkpoint(record, {"w": torch.ones(2)}))
    ...     read(path).tensors["w"], read_record(path).epoch
    (tensor([1., 1.]), 3)
"""

from __future__ import annotations

from tvae.checkpoint.atomic import write_json, write_text
from tvae.checkpoint.card import model_card
from tvae.checkpoint.file import Checkpoint, read, read_record, save, sha256
from tvae.checkpoint.record import git_revision, record_environment
from tvae.checkpoint.strict import load_into
from tvae.record import Record

__all__ = [
    "Checkpoint",
    "Record",
    "git_revision",
    "load_into",
    "model_card",
    "read",
    "read_record",
    "record_environment",
    "save",
    "sha256",
    "write_json",
    "write_text",
]
