"""Writes the pickles that the tests of the machine read, and for each group what they hold.

Run it with an interpreter that has torch and numpy; the tests need neither. A `.txt` is the value in the
notation that `tests/pickle_values.rs` writes a decoded document in, so that equal text means equal values.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import pickle
import pickletools
import struct
import uuid
import zipfile

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent


class Phase(enum.Enum):
    WARM = "warm"


@dataclasses.dataclass
class Settings:
    depth: int = 9
    name: str = "v5.11"


def spell(x):
    if isinstance(x, np.generic):
        return f"np.{x.dtype.name}:{spell(x.item())}"
    if isinstance(x, np.ndarray):
        items = x.ravel(order="K").tolist()
        return f"array.{x.dtype.name}{spell(list(x.shape))}{spell(items)}"
    if isinstance(x, torch.Tensor):
        return spell_tensor(x)
    if x is None or isinstance(x, bool):
        return str(x)
    if isinstance(x, int):
        return str(x)
    if isinstance(x, float):
        return f"f{struct.unpack('>Q', struct.pack('>d', x))[0]:016x}"
    if isinstance(x, complex):
        return f"complex({spell(x.real)}, {spell(x.imag)})"
    if isinstance(x, torch.torch_version.TorchVersion):
        return f"<{x}>"
    if isinstance(x, str):
        return f'"{x}"'
    if isinstance(x, (bytes, bytearray)):
        return f"{'b' if isinstance(x, bytes) else 'ba'}:{x.hex()}"
    if isinstance(x, torch.Size):
        return f"Size({', '.join(map(spell, x))})"
    if isinstance(x, tuple):
        return f"({', '.join(map(spell, x))})"
    if isinstance(x, list):
        return f"[{', '.join(map(spell, x))}]"
    if isinstance(x, (set, frozenset)):
        return f"{type(x).__name__}({', '.join(sorted(map(spell, x)))})"
    if isinstance(x, dict):
        kind = type(x).__name__
        return kind + "{" + ", ".join(f"{spell(k)}: {spell(v)}" for k, v in x.items()) + "}"
    if isinstance(x, (datetime.datetime, datetime.date, datetime.time)):
        return f"<{x.isoformat()}>"
    if isinstance(x, (torch.device, pathlib.PurePath, decimal.Decimal, fractions.Fraction, uuid.UUID)):
        return f"<{x}>"
    if isinstance(x, torch.dtype):
        return f"global torch.{str(x).removeprefix('torch.')}"
    if isinstance(x, range):
        return f"range({x.start}, {x.stop}, {x.step})"
    if isinstance(x, slice):
        return f"slice({spell(x.start)}, {spell(x.stop)}, {spell(x.step)})"
    if isinstance(x, collections.deque):
        return f"deque{spell(list(x))}"
    if isinstance(x, argparse.Namespace):
        return "namespace" + spell(vars(x))
    if isinstance(x, enum.Enum):
        return f"object __main__.{type(x).__name__}({spell(x.value)})"
    if dataclasses.is_dataclass(x):
        return f"object __main__.{type(x).__name__}(){spell(vars(x))}"
    raise TypeError(type(x))


def spell_tensor(x):
    dtype = str(x.dtype).removeprefix("torch.")
    flags = ("P" if isinstance(x, torch.nn.Parameter) else "") + ("G" if x.requires_grad else "")
    kind = "dense"
    if x.is_nested:
        return f"tensor.nested.{dtype}"
    if x.device.type == "meta":
        kind = "meta"
    elif x.layout != torch.strided:
        return f"tensor.sparse.{dtype}{spell(list(x.shape))}{flags}"
    elif x.is_quantized:
        kind = "quantized"
    where = f"{spell(list(x.shape))}{spell(list(x.stride()))}+{x.storage_offset()}"
    return f"tensor.{kind}.{dtype}{where}{flags}"


def write(name, stream, value):
    (HERE / f"{name}.pkl").write_bytes(stream)
    (HERE / f"{name.split('_')[0]}.txt").write_text(spell(value) + "\n", encoding="utf-8")


def torch_stream(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return zipfile.ZipFile(buffer).read("archive/data.pkl")


def plain():
    shared = [1, 2]
    return {
        "none": None,
        "flags": [True, False],
        "ints": [0, 255, 65536, -1, 2**31, -(2**63), 2**70, -(2**70)],
        "floats": [0.5, -0.0, float("inf")],
        "text": ["", "epoch", "Ωé\U0001f600", "back\\slash\nline"],
        "bytes": [b"", b"\x00\xff", bytearray(b"\x80a")],
        "empty": [[], {}, (), set()],
        "nested": {"a": [{"b": (1, (2, (3,)))}]},
        "shared": [shared, shared],
        7: "int key",
        (1, "x"): None,
        None: 1.5,
        "set": {1, 2},
        "frozen": frozenset({"a"}),
        "complex": 1 + 2j,
        "ordered": collections.OrderedDict([("z", 1), ("y", 2)]),
        "many": [None] * 1001,
        "counter": collections.Counter("aab"),
        "default": collections.defaultdict(list, {"k": [1]}),
    }


def library():
    zone = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    return {
        "path": pathlib.PurePosixPath("/runs/v5_11/best.pt"),
        "relative": pathlib.PurePosixPath("a/b"),
        "moment": datetime.datetime(2025, 12, 3, 4, 5, 6, 789, tzinfo=zone),
        "naive": datetime.datetime(2025, 12, 3),
        "day": datetime.date(2025, 2, 28),
        "time": datetime.time(23, 59, 1),
        "decimal": decimal.Decimal("1.50"),
        "fraction": fractions.Fraction(3, 7),
        "uuid": uuid.UUID(int=2**127 + 5),
        "range": range(0, 9, 3),
        "slice": slice(1, None, 2),
        "deque": collections.deque([1, 2], 5),
        "namespace": argparse.Namespace(lr=1e-3, name="run"),
        "torch": torch.torch_version.TorchVersion("2.13.0"),
    }


def arrays():
    return {
        "scalars": [
            np.float64(1.5),
            np.float32(0.1),
            np.float16(-2.5),
            np.int64(-7),
            np.int8(-1),
            np.uint16(65535),
            np.bool_(True),
            np.complex64(1 - 2j),
            np.str_("best"),
            np.bytes_(b"ab"),
            np.float64("nan"),
        ],
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(4).reshape(2, 2)),
        "big": np.array([1.5, 2.5], dtype=">f8"),
        "words": np.array(["a", "long"]),
        "objects": np.array([1, "a"], dtype=object),
        "empty": np.zeros((0, 3), dtype=np.uint8),
    }


def checkpoint():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 12,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "metrics": {"coverage": np.float64(0.9875), "hierarchy_B": np.float32(-0.8321), "loss": 0.25},
        "config": {
            "depth": 9,
            "device": torch.device("cuda", 0),
            "dtype": torch.float32,
            "shape": torch.Size([2, 3]),
        },
        "rng": torch.get_rng_state(),
    }


def tensors():
    base = torch.arange(12.0).reshape(3, 4)
    tagged = torch.nn.Parameter(torch.ones(2))
    tagged.tag = "x"
    attributed = torch.ones(1)
    attributed.tag = "y"
    channels = torch.quantize_per_channel(
        torch.ones(2, 3), torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8
    )
    return {
        "view": base[1:, ::2],
        "transposed": base.t(),
        "scalar": torch.tensor(3),
        "empty": torch.empty(0, 5),
        "parameter": torch.nn.Parameter(base),
        "frozen": torch.nn.Parameter(torch.ones(1), requires_grad=False),
        "tagged": tagged,
        "attributed": attributed,
        "conj": torch.ones(1, dtype=torch.complex64).conj(),
        "kinds": [
            torch.ones(2, dtype=dtype)
            for dtype in (
                torch.float64,
                torch.float16,
                torch.bfloat16,
                torch.float8_e4m3fn,
                torch.int64,
                torch.int32,
                torch.int16,
                torch.int8,
                torch.uint8,
                torch.uint16,
                torch.uint64,
                torch.bool,
                torch.complex128,
            )
        ],
        "coo": torch.eye(3).to_sparse(),
        "csr": torch.eye(3).to_sparse_csr(),
        "bsr": torch.eye(4).to_sparse_bsr((2, 2)),
        "quantized": torch.quantize_per_tensor(torch.ones(2, 3), 0.1, 1, torch.quint8),
        "channels": channels,
        "nested": torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(1, 3)]),
        "meta": torch.ones(2, 3, device="meta"),
    }


def training():
    """A model and its optimizer after a step: enough tensors for memo entries of one byte and of four."""
    layers = [torch.nn.Conv2d(3, 300, 1), torch.nn.BatchNorm2d(300), torch.nn.Flatten()]
    layers += [torch.nn.Linear(300, 7)] + [torch.nn.Linear(7, 7) for _ in range(3)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    metrics = {"loss": np.float32(0.5), "coverage": np.float64(1.0)}
    state = model.state_dict()
    tied = {"first": state["0.bias"], "again": state["0.bias"], "part": state["0.weight"][:, 0, 0, 0]}
    return {"epoch": 3, "model": state, "tied": tied, "optimizer": optimizer.state_dict(), "metrics": metrics}


def run():
    """What most runs save: a model, its optimizer and metrics, and nothing that two of them share."""
    model = torch.nn.Sequential(*[torch.nn.Linear(7, 7) for _ in range(5)])
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    metrics = {"loss": np.float32(0.5), "coverage": 1.0, "hierarchy_A": -0.8}
    states = {"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict()}
    return {"epoch": 3, **states, "metrics": metrics, "config": {"lr": 1e-3, "name": "run"}}


def metrics():
    """Scalars of numpy, one of them twice, in memo entries of both lengths, with signs beyond ASCII."""
    values = [0.5, -0.8321, 1 / 3, 1e300, float("nan")]
    first = {f"a{at}": np.float32(value) for at, value in enumerate(values[:3])}
    first |= {f"b{at}": np.float64(value) for at, value in enumerate(values)}
    labels = [f"{at}" for at in range(190)]
    last = {"c": np.float64(-1.5), "d": np.float32(7e7), "e": np.int64(-3), "f": np.int64(5)}
    return {"metrics": first, "labels": labels, "last": last | {"again": first["b1"]}}


def with_old_strings(stream):
    """The stream with its text as Python 2 wrote it."""
    steps = list(pickletools.genops(stream))
    ends = [position for _, _, position in steps[1:]] + [len(stream)]
    pieces = []
    for (opcode, text, start), end in zip(steps, ends, strict=True):
        old = opcode.name == "BINUNICODE" and text.isascii()
        pieces.append(b"U" + bytes([len(text)]) + text.encode() if old else stream[start:end])
    return b"".join(pieces)


def main():
    for protocol in range(6):
        write(f"plain_{protocol}", pickle.dumps(plain(), protocol), plain())
        write(f"library_{protocol}", pickle.dumps(library(), protocol), library())
        write(f"arrays_{protocol}", pickle.dumps(arrays(), protocol), arrays())
    write("checkpoint", torch_stream(checkpoint()), checkpoint())
    write("tensors", torch_stream(tensors()), tensors())
    (HERE / "training.pkl").write_bytes(torch_stream(training()))
    (HERE / "metrics.pkl").write_bytes(torch_stream(metrics()))
    (HERE / "python2.pkl").write_bytes(with_old_strings(torch_stream(run())))
    (HERE / "run.pkl").write_bytes(torch_stream(run()))
    own = {"settings": Settings(), "phase": Phase.WARM}
    write("own_2", pickle.dumps(own, 2), own)
    write("own_4", pickle.dumps(own, 4), own)
    storage = io.BytesIO()
    torch.save(checkpoint()["metrics"] | {"w": torch.ones(2)}, storage, _use_new_zipfile_serialization=False)
    (HERE / "legacy.pkl").write_bytes(storage.getvalue())


if __name__ == "__main__":
    main()
