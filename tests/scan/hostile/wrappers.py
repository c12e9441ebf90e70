"""Files that are no torch archive, or other than their name says: classes 44 to 47."""

from __future__ import annotations

import io
import struct
import tarfile

import torch

from scan.hostile.case import NOT_CLEAN, Case
from scan.hostile.opcodes import (
    CHECKPOINT,
    COMMAND,
    EPOCH,
    EVIL,
    PLAIN,
    call,
    integer,
    mapping,
    name,
    stream,
    text,
    tuple_of,
)

MAGIC = 0x1950A86A20F9469CFC6C
FLOATS = struct.pack("<6f", *range(6))


def tar(*members: tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


# The tensor `w`, which the values refer to by the key 11, is a view of 2 x 3 floats of storage 5.
TENSORS = (
    stream(integer(1))
    + stream(tuple_of(integer(11), integer(5), name("torch", "FloatTensor")))
    + struct.pack("<iiqqqqq", 2, 0, 2, 3, 3, 1, 0)
)
STORAGES = (
    stream(integer(1))
    + stream(tuple_of(integer(5), text("cpu"), name("torch", "FloatStorage")))
    + struct.pack("<q", 6)
    + FLOATS
    + stream(b"]")
)
TAR = {
    "sys_info": stream(mapping(protocol_version=integer(1000), little_endian=b"\x88")),
    "pickle": stream(mapping(epoch=integer(EPOCH), w=integer(11) + b"Q")),
    "tensors": TENSORS,
    "storages": STORAGES,
}


def old(**changes: bytes) -> bytes:
    """What torch 0.1 wrote, with members changed."""
    return tar(*({**TAR, **changes}.items()))


def with_member(kind: bytes, target: str = "", label: str = "other") -> bytes:
    info = tarfile.TarInfo(label)
    info.type, info.linkname = kind, target
    return tar(*TAR.items(), info)


def huge() -> tarfile.TarInfo:
    """The header of a member of a terabyte."""
    info = tarfile.TarInfo("more")
    info.size = 1 << 32
    return info


def legacy() -> bytes:
    out = io.BytesIO()
    model = {name: torch.arange(100, dtype=torch.float32) for name in "ab"}
    torch.save({"epoch": EPOCH, "model": model}, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


LEGACY = legacy()
HEAD = [stream(integer(MAGIC)), stream(integer(1001)), stream(mapping(protocol_version=integer(1001)))]


def parts(values: bytes = CHECKPOINT, keys: bytes | None = None) -> list[bytes]:
    """The five pickles of the format before 1.6."""
    return [*HEAD, values, stream(b"](" + text("0") + b"e") if keys is None else keys]


def evil_part(place: int) -> bytes:
    """One of the pickles calls a command on the way to its value."""
    pickles = parts()
    pickles[place] = pickles[place][:2] + COMMAND + b"0" + pickles[place][2:]
    return b"".join(pickles) + struct.pack("<q", 6) + FLOATS


CASES = [
    *(
        Case(
            44,
            f"wrapped in {word}",
            magic + bytes(40),
            "unsupported",
            "unparsed",
            ("Z004",),
            facts={"message": word},
        )
        for word, magic in {
            "gzip": b"\x1f\x8b\x08\0",
            "7z": b"7z\xbc\xaf\x27\x1c",
            "xz": b"\xfd7zXZ\0",
            "zstd": b"\x28\xb5\x2f\xfd",
            "bzip2": b"BZh91AY",
        }.items()
    ),
    Case(45, "a tar of torch 0.1", old(), "ok", "known_types", epoch=EPOCH, kind="torch_tar"),
    *(
        Case(
            45,
            f"CVE-2025-32434 a tar with malice in {member}",
            old(**{member: TAR[member][:2] + COMMAND + b"0" + TAR[member][2:]}),
            "ok",
            "dangerous",
            epoch=EPOCH,
        )
        for member in TAR
    ),
    Case(
        45,
        "a tar with malice behind the count of storages",
        old(storages=stream(integer(1)) + EVIL + bytes(40)),
        "corrupt",
        "dangerous",
        ("Z053",),
    ),
    Case(
        45,
        "a tar with a soft link",
        with_member(tarfile.SYMTYPE, "/etc/passwd"),
        "corrupt",
        "unparsed",
        ("Z050",),
    ),
    Case(
        45, "a tar with a hard link", with_member(tarfile.LNKTYPE, "pickle"), "corrupt", "unparsed", ("Z050",)
    ),
    Case(45, "a tar with a device", with_member(tarfile.CHRTYPE), "corrupt", "unparsed", ("Z050",)),
    Case(
        45, "a tar with a sparse member", with_member(tarfile.GNUTYPE_SPARSE), "corrupt", NOT_CLEAN, ("Z050",)
    ),
    Case(45, "a tar that climbs out", tar(*TAR.items(), ("../../x", b"")), "corrupt", "unparsed", ("Z050",)),
    Case(
        45,
        "a tar with an absolute name",
        tar(*TAR.items(), ("/etc/x", b"")),
        "corrupt",
        "unparsed",
        ("Z050",),
    ),
    Case(
        45,
        "a tar with a second pickle",
        tar(*TAR.items(), ("pickle", EVIL)),
        "ok",
        "dangerous",
        ("Z054",),
        epoch=EPOCH,
    ),
    Case(
        45,
        "a tar whose header claims too much",
        tar(*TAR.items(), huge()),
        "corrupt",
        "unparsed",
        ("Z010",),
    ),
    Case(
        45,
        "a tar with long names in pax headers",
        tar(*TAR.items(), ("n" * 5000, b""), form=tarfile.PAX_FORMAT),
        "ok",
        "known_types",
        epoch=EPOCH,
    ),
    Case(45, "a tar of other things", tar(("readme.txt", b"hello")), "unsupported", "unparsed", ("Z005",)),
    Case(46, "the format before 1.6", LEGACY, "ok", "known_types", epoch=EPOCH, kind="torch_legacy"),
    Case(
        46,
        "its storages cut",
        LEGACY[:-100],
        "salvaged",
        "known_types",
        ("Z010",),
        epoch=EPOCH,
        facts={"salvaged": (1, 2)},
    ),
    Case(
        46,
        "a storage of 2^60 numbers",
        b"".join(
            parts(
                stream(
                    mapping(
                        epoch=integer(EPOCH),
                        w=call(
                            name("torch._utils", "_rebuild_tensor_v2"),
                            tuple_of(
                                text("storage"),
                                name("torch", "FloatStorage"),
                                text("0"),
                                text("cpu"),
                                integer(1 << 60),
                                b"N",
                            )
                            + b"Q",
                            integer(0),
                            tuple_of(integer(6)),
                            tuple_of(integer(1)),
                            b"\x89",
                            call(name("collections", "OrderedDict")),
                        ),
                    )
                )
            )
        )
        + struct.pack("<q", 1 << 60)
        + FLOATS,
        "salvaged",
        NOT_CLEAN | {"known_types"},
        ("Z010",),
        epoch=EPOCH,
    ),
    Case(
        46,
        "GHSA-97f8-7cmv-76j2 the magic number from a call",
        stream(call(name("__builtin__", "eval"), text(str(MAGIC)))) + b"".join(parts()[1:]),
        "ok",
        "dangerous",
    ),
    *(
        Case(46, f"malice in pickle {place + 1} of five", evil_part(place), "ok", "dangerous", ("S001",))
        for place in range(5)
    ),
    Case(
        46,
        "malice behind the last storage",
        b"".join(parts()) + struct.pack("<q", 6) + FLOATS + EVIL,
        "ok",
        "dangerous",
        ("S010",),
        epoch=EPOCH,
    ),
    Case(
        47, "a pickle and nothing else", PLAIN, "ok", "data_only", epoch=EPOCH, kind="pickle", suffix=".pkl"
    ),
    Case(
        47,
        "CVE-2025-10155 malice as a pickle called .pt",
        EVIL,
        "ok",
        "dangerous",
        epoch=EPOCH,
        kind="pickle",
    ),
    Case(
        47,
        "malice as a pickle called .bin",
        EVIL,
        "ok",
        "dangerous",
        epoch=EPOCH,
        kind="pickle",
        suffix=".bin",
    ),
]
