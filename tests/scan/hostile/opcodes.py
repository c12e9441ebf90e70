"""Pickle streams put together opcode by opcode, because a pickler writes none of these."""

from __future__ import annotations

import struct


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value: int) -> bytes:
    data = value.to_bytes((value.bit_length() // 8) + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def number(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


def short(data: bytes) -> bytes:
    """Bytes, which need protocol 3."""
    return b"B" + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module: str, attribute: str) -> bytes:
    """STACK_GLOBAL, which needs protocol 4."""
    return text(module) + text(attribute) + b"\x93"


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def call(callee: bytes, *arguments: bytes) -> bytes:
    return callee + tuple_of(*arguments) + b"R"


def mapping(**items: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def storage(key: str = "0", kind: str = "FloatStorage", count: int | bytes = 6) -> bytes:
    size = integer(count) if isinstance(count, int) else count
    return tuple_of(text("storage"), name("torch", kind), text(key), text("cpu"), size) + b"Q"


def tensor(
    shape: tuple[int, ...] = (2, 3),
    stride: tuple[int, ...] = (3, 1),
    *,
    offset: int = 0,
    held: bytes | None = None,
    hooks: bytes | None = None,
) -> bytes:
    """A tensor as torch writes it."""
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        held if held is not None else storage(),
        integer(offset),
        tuple_of(*map(integer, shape)),
        tuple_of(*map(integer, stride)),
        b"\x89",
        hooks if hooks is not None else call(name("collections", "OrderedDict")),
    )


def stream(body: bytes, protocol: int = 2) -> bytes:
    start = b"\x80" + bytes([protocol]) if protocol >= 2 else b""
    return start + body + b"."


EPOCH = 7
# Harmless: the epoch, a metric and one tensor of six floats in storage 0.
CHECKPOINT = stream(
    mapping(epoch=integer(EPOCH), metrics=mapping(coverage=number(0.5)), model=mapping(w=tensor()))
)
PLAIN = stream(mapping(epoch=integer(EPOCH)))
# What it would run does nothing.
COMMAND = call(name("posix", "system"), text("true"))
EVIL = stream(mapping(epoch=integer(EPOCH), x=COMMAND))
