"""Random pickle programs: well-formed ones from a grammar, and the same with bytes changed."""

from __future__ import annotations

import random
import struct

from scan.hostile.opcodes import integer, name, number, stack_name, text


class Grammar:
    """Programs of one protocol; a seed gives always the same."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.protocol = self.chance.randrange(6)
        self.stored: list[int] = []
        self.next = 0

    def program(self) -> bytes:
        start = b"\x80" + bytes([self.protocol]) if self.protocol >= 2 else b""
        body = self.value(0)
        if self.protocol >= 4 and self.chance.random() < 0.5:
            body = b"\x95" + struct.pack("<Q", len(body)) + body
        return start + body + b"."

    def value(self, depth: int) -> bytes:
        """Opcodes that leave one value, and sometimes store it."""
        if self.stored and self.chance.random() < 0.15:
            return self.get(self.chance.choice(self.stored))
        if depth > 4 or self.chance.random() < 0.3:
            made = self.literal()
        else:
            made = self.chance.choice([self.sequence, self.mapping, self.instance, self.detour])(depth + 1)
        return made + self.put() if self.chance.random() < 0.3 else made

    def literal(self) -> bytes:
        whole = self.chance.choice([0, 1, -1, 255, 65535, -(1 << 31), 1 << 40, -(1 << 63), 1 << 64, 1 << 100])
        word = self.chance.choice(["", "a", "epoch", "Ж", "\\u0041", "two words"])
        raw = bytes(self.chance.randrange(256) for _ in range(self.chance.randrange(5)))
        choices = [
            b"N",
            f"I{whole}\n".encode(),
            f"L{whole}L\n".encode(),
            b"I01\n",
            b"I00\n",
            f"F{self.chance.choice([0.5, -1e300, 3.0])}\n".encode(),
            b"V" + word.encode("raw_unicode_escape").replace(b"\\u0041", b"A") + b"\n",
            b"S'" + word.encode("ascii", "ignore").replace(b"\\", b"\\\\") + b"'\n",
        ]
        if self.protocol >= 1:
            choices += [
                b"K\x07",
                b"M\x01\x02",
                b"J\xff\xff\xff\xff",
                text(word),
                number(0.25),
                b"U\x02ab",
                b")",
            ]
        if self.protocol >= 2:
            choices += [b"\x88", b"\x89", integer(whole)]
        if self.protocol >= 3:
            choices += [b"C" + bytes([len(raw)]) + raw, b"B" + struct.pack("<I", len(raw)) + raw]
        if self.protocol >= 4:
            choices += [b"\x8c\x01k", b"\x8d" + struct.pack("<Q", 1) + b"k", b"\x8f"]
        if self.protocol >= 5:
            choices += [b"\x96" + struct.pack("<Q", len(raw)) + raw]
        return self.chance.choice(choices)

    def several(self, depth: int) -> list[bytes]:
        return [self.value(depth) for _ in range(self.chance.randrange(4))]

    def key(self) -> bytes:
        return self.chance.choice([text(self.chance.choice("abc")), integer(self.chance.randrange(3)), b"N"])

    def sequence(self, depth: int) -> bytes:
        items = self.several(depth)
        joined = b"".join(items)
        choices = [b"(" + joined + b"t", b"(" + joined + b"l", b"](" + joined + b"e"]
        choices.append(b"]" + b"".join(item + b"a" for item in items))
        if self.protocol >= 2 and 1 <= len(items) <= 3:
            choices.append(joined + bytes([0x84 + len(items)]))
        if self.protocol >= 4:
            keys = b"".join(self.key() for _ in range(3))
            choices += [b"\x8f(" + keys + b"\x90", b"(" + keys + b"\x91"]
        return self.chance.choice(choices)

    def mapping(self, depth: int) -> bytes:
        pairs = [self.key() + item for item in self.several(depth)]
        joined = b"".join(pairs)
        loose = b"}" + b"".join(pair + b"s" for pair in pairs)
        return self.chance.choice([b"}(" + joined + b"u", b"(" + joined + b"d", loose])

    def instance(self, depth: int) -> bytes:
        """An object of a class that is not known."""
        known = stack_name("own", "Thing") if self.protocol >= 4 else name("own", "Thing")
        arguments = b"".join(self.several(depth))
        made = self.chance.choice(
            [
                known + b"(" + arguments + b"tR",
                b"(" + known + arguments + b"o",
                b"(" + arguments + b"iown\nThing\n",
                known + b"(" + arguments + b"t\x81",
                known + b"(" + arguments + b"t}\x92",
            ]
        )
        # Opcodes in their order: what a later one reads from the memo an earlier one has put there.
        match self.chance.randrange(3):
            case 1:
                made += self.key() + self.value(depth) + b"s"
            case 2:
                made += self.value(depth) + b"a"
        match self.chance.randrange(3):
            case 1:
                made += self.mapping(depth) + b"b"
            case 2:
                made += b"N" + self.mapping(depth) + b"\x86b"
        return made

    def detour(self, depth: int) -> bytes:
        """A value by way of others that are dropped."""
        start, end = self.chance.choice([(b"", b"0"), (b"(", b"1"), (b"", b"")])
        dropped = start + self.value(depth) + end if end else b""
        return dropped + self.value(depth) + self.chance.choice([b"", b"20", b"2\x86", b"(0"])

    def put(self) -> bytes:
        at, self.next = self.next, self.next + 1
        if self.protocol >= 4 and not self.stored:
            self.stored.append(0)
            return b"q\0"
        self.stored.append(at)
        return self.chance.choice([b"q" + bytes([at]), b"r" + struct.pack("<I", at), f"p{at}\n".encode()])

    def get(self, at: int) -> bytes:
        return self.chance.choice([b"h" + bytes([at]), b"j" + struct.pack("<I", at), f"g{at}\n".encode()])


def changed(program: bytes, chance: random.Random) -> bytes:
    """The program with a few bytes replaced, put in, dropped or repeated."""
    data = bytearray(program)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[place] = chance.choice(program)
            case 1:
                data[place:place] = chance.choice(
                    [b"0", b"2", b"(", b"N", b"t", b"a", b"s", b"R", b"b", b"\x94"]
                )
            case 2 if len(data) > 2:
                del data[place]
            case _:
                data[place : place + 1] = bytes([chance.randrange(256)])
    return bytes(data)
