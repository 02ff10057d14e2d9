"""Flips bits in the memory of a process that runs; needs root, or the right to trace it."""

import json
import math
import os
import re
import struct
from pathlib import Path


def tensor(path, name):
    """A tensor of 32-bit floats of a safetensors file."""
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    begin, end = json.loads(data[8:8 + size])[name]["data_offsets"]
    return struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])


def upper(value):
    """The upper half of a 32-bit float: its sign, exponent and seven bits."""
    return struct.pack("<f", value)[2:]


def pattern(values, reach):
    """Finds floats that lie one after the other, each within `reach` of these.

    Training goes on between a checkpoint and the look into memory.
    """
    parts = []
    for value in values:
        if abs(value) < 2 * reach:
            parts.append(b"....")
            continue
        near = {upper(value + reach * step / 100) for step in range(-100, 101)}
        parts.append(b"..(?:" + b"|".join(re.escape(one) for one in near) + b")")
    if parts.count(b"....") > len(parts) / 2:
        raise ValueError("the values are too small to be found by")
    # A look ahead: places may overlap.
    return re.compile(b"(?=" + b"".join(parts) + b")", re.DOTALL)


def find(number, values, reach):
    """The addresses in a process's writable memory where such floats lie."""
    wanted, found = pattern(values, reach), []
    with open(f"/proc/{number}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{number}/maps").read_text().splitlines():
            words = line.split()
            if not words[1].startswith("rw") or (len(words) > 5 and words[5].startswith("[v")):
                continue
            begin, end = (int(part, 16) for part in words[0].split("-"))
            try:
                data = os.pread(memory.fileno(), end - begin, begin)
            except OSError:
                continue
            found += [
                begin + match.start() for match in wanted.finditer(data) if match.start() % 4 == 0]
    return found


def value(number, address):
    """The 32-bit float at an address."""
    with open(f"/proc/{number}/mem", "rb", buffering=0) as memory:
        return struct.unpack("<f", os.pread(memory.fileno(), 4, address))[0]


def flip(number, address, bit):
    """Flips a bit of the 32-bit word at an address; what was and is there, as floats."""
    with open(f"/proc/{number}/mem", "r+b", buffering=0) as memory:
        before = os.pread(memory.fileno(), 4, address)
        after = struct.pack("<I", struct.unpack("<I", before)[0] ^ 1 << bit)
        os.pwrite(memory.fileno(), after, address)
    return struct.unpack("<f", before)[0], struct.unpack("<f", after)[0]


class Arena:
    """A network's parameters as they lie in memory (Sources/Networks/Parameters/ParameterArena.swift)."""

    # Values that stay in one part (Sources/Collectives/OrderedSum.swift).
    BLOCK = 2048

    def __init__(self, path):
        """Of a checkpoint's file of tensors."""
        data = Path(path).read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        shapes = {
            name: tensor["shape"]
            for name, tensor in json.loads(data[8:8 + size]).items()
            if name.rsplit(".", 1)[-1] in ("weight", "bias")
        }
        # Layers in their order, a layer's weight first; each begins at a multiple of 16 values.
        self.parts, self.count = {}, 0
        for name in sorted(shapes, key=lambda name: (int(name.split(".")[0]), name.endswith("bias"))):
            count = math.prod(shapes[name])
            self.parts[name] = range(self.count, self.count + count)
            self.count += (count + 15) // 16 * 16

    def own(self, rank, ranks):
        """The part that a rank moves (`OrderedSumParts.part`)."""
        blocks = -(-self.count // self.BLOCK)
        begin, end = (min(self.count, n * blocks // ranks * self.BLOCK) for n in (rank, rank + 1))
        return range(begin, end)

    def places(self, rank, ranks, is_own, kind=""):
        """The values that a rank moves, or all others; without the gaps between parameters.

        `kind` is `weight`, `bias`, or nothing for both.
        """
        own = self.own(rank, ranks)
        return [
            n for name, part in self.parts.items() if name.endswith(kind) for n in part
            if (n in own) == is_own]
