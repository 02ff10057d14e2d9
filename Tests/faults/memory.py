"""Flips bits in the memory of a process that runs; needs root, or the right to trace it."""

import json
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


def flip(number, address, bit):
    """Flips a bit of the 32-bit word at an address; what was and is there, as floats."""
    with open(f"/proc/{number}/mem", "r+b", buffering=0) as memory:
        before = os.pread(memory.fileno(), 4, address)
        after = struct.pack("<I", struct.unpack("<I", before)[0] ^ 1 << bit)
        os.pwrite(memory.fileno(), after, address)
    return struct.unpack("<f", before)[0], struct.unpack("<f", after)[0]
