"""Tensors that do not fit their storages: classes 93 to 100."""

from __future__ import annotations

from typing import Any

from scan.hostile.case import Case
from scan.hostile.opcodes import CHECKPOINT, EPOCH, integer, mapping, storage, stream, tensor
from scan.hostile.zips import WEIGHTS, Record, torch_file


def case(
    number: int, label: str, held: bytes, *codes: str, weights: bytes | None = WEIGHTS, **facts: Any
) -> Case:
    pickled = stream(mapping(epoch=integer(EPOCH), model=mapping(w=held)))
    return Case(
        number,
        label,
        torch_file(pickled, weights=weights),
        "ok",
        "known_types",
        codes,
        epoch=EPOCH,
        facts=dict(facts),
    )


SHARED = mapping(a=tensor(), b=tensor(), c=tensor((3,), (1,)))

CASES = [
    case(93, "a storage that is not there", tensor(), "T001", weights=None, offset=None),
    case(94, "a storage that is too short", tensor(), "T002", "T004", weights=WEIGHTS[:20], offset=None),
    case(94, "a storage that is too long", tensor(), "T002", weights=WEIGHTS + b"xxxx"),
    case(94, "a storage of 2^62 numbers", tensor(held=storage(count=1 << 62)), "T002"),
    case(94, "a storage of -1 numbers", tensor(held=storage(count=-1)), "T002"),
    case(95, "a shape beyond 2^64", tensor((1 << 40, 1 << 40), (1, 1)), "T003"),
    case(95, "a negative dimension", tensor((-2, 3), (3, 1)), "T003"),
    case(95, "5,000 dimensions", tensor((1,) * 5000, (1,) * 5000)),
    case(95, "5,000 dimensions of two", tensor((2,) * 5000, (1,) * 5000), "T003"),
    case(96, "an offset behind the storage", tensor(offset=100), "T004", offset=None),
    case(96, "a negative offset", tensor(offset=-1), "T004", offset=None),
    case(96, "a stride out of the storage", tensor(stride=(1 << 40, 1)), "T004", offset=None),
    case(96, "a stride beyond 2^63", tensor((1 << 30, 2), ((1 << 62), 1)), "T004", offset=None),
    case(96, "a negative stride", tensor(stride=(-3, 1)), "T004", offset=None),
    case(97, "2^40 elements of one number", tensor((1 << 40,), (0,)), "T005", n_params=1 << 40, bytes=24),
    case(98, "a key that climbs out", tensor(held=storage("../x")), "T001", offset=None),
    Case(
        98,
        "a key that climbs out and is there",
        torch_file(
            stream(mapping(epoch=integer(EPOCH), model=mapping(w=tensor(held=storage("../x"))))),
            Record(b"a/data/../x", WEIGHTS),
        ),
        "ok",
        "known_types",
        ("Z034",),
        epoch=EPOCH,
    ),
    Case(
        99,
        "shared storages",
        torch_file(stream(mapping(epoch=integer(EPOCH), model=SHARED))),
        "ok",
        "known_types",
        epoch=EPOCH,
        facts={"n_params": 9, "bytes": 24},
    ),
    Case(
        100,
        "two types on one storage",
        torch_file(
            stream(
                mapping(
                    epoch=integer(EPOCH),
                    model=mapping(
                        a=tensor(), b=tensor((3,), (1,), held=storage(kind="DoubleStorage", count=3))
                    ),
                )
            )
        ),
        "ok",
        "known_types",
        ("T007",),
        epoch=EPOCH,
        facts={"dtypes": ["float32", "float64"], "bytes": 24},
    ),
    Case(
        100,
        "numbers that are NaN, which nobody reads",
        torch_file(CHECKPOINT, weights=b"\xff" * 24),
        "ok",
        "known_types",
        epoch=EPOCH,
    ),
]
