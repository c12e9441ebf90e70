"""Writes files/: one small file of every format, some with malice, which tests cut and change byte by byte.

    python rust/tvae-scan/tests/data/make_files.py

A file whose name begins with `evil` imports posix.system first of all, so that whatever is changed behind
that leaves it dangerous. None of them is ever loaded.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests"))

from scan.hostile.archives import DATA, VERSION
from scan.hostile.opcodes import CHECKPOINT, EPOCH, call, integer, mapping, name, stream, text
from scan.hostile.safetensors import DUPLICATE, entry, tensors
from scan.hostile.streams import PROTOCOLS
from scan.hostile.wrappers import old, parts
from scan.hostile.zips import DEFLATED, WEIGHTS, Record, archive, torch_file, zip64

FIRST = stream(call(name("posix", "system"), text("true")) + b"0" + mapping(epoch=integer(EPOCH)))
STORAGE = (6).to_bytes(8, "little") + bytes(24)


def with_zip64() -> bytes:
    plain = archive([DATA, Record(b"a/data/0", WEIGHTS), VERSION])
    start, end = plain.index(b"PK\x01\x02"), plain.rindex(b"PK\x05\x06")
    record = zip64(count=3, length=end - start, offset=start, at=end)
    return plain[:end] + record + plain[end:]


def main() -> None:
    whole = torch_file()
    files = {
        "zip": whole,
        "zip64": with_zip64(),
        "deflated": torch_file(method=DEFLATED),
        "torchscript": torch_file(
            CHECKPOINT, Record(b"a/code/m.py", b"def f(): pass"), Record(b"a/constants.pkl", stream(b")"))
        ),
        "cut": whole[: whole.index(b"PK\x01\x02")],
        "legacy": b"".join(parts()) + STORAGE,
        "tar": old(),
        "safetensors": tensors({"__metadata__": {"tvae": '{"epoch":7}'}, "w": entry()}),
        "duplicate": tensors(DUPLICATE),
        **{f"pickle{protocol}": pickle.dumps(PROTOCOLS, protocol) for protocol in range(6)},
        "evil-zip": torch_file(FIRST, weights=None),
        "evil-second": archive([DATA, Record(b"a/data.pkl", FIRST), VERSION]),
        "evil-cut": archive([Record(b"a/data.pkl", FIRST), VERSION])[:-80],
        "evil-legacy": b"".join(parts(FIRST, stream(b"]"))),
        "evil-pickle": FIRST,
    }
    folder = Path(__file__).resolve().parent / "files"
    folder.mkdir(exist_ok=True)
    for label, data in files.items():
        (folder / f"{label}.bin").write_bytes(data)


if __name__ == "__main__":
    main()
