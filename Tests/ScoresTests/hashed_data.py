"""The data of both scripts: `HashedData` in the tests makes the same by the same integer hash."""

import numpy as np


def bits(numbers):
    """splitmix64 of 0, 1, 2 and so on."""
    z = (np.asarray(numbers, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def hashed(stream, count):
    """Multiples of 2^-24 in [0, 1): exact in single precision too."""
    numbers = np.arange(count, dtype=np.uint64) + np.uint64(stream << 32)
    return (bits(numbers) >> np.uint64(40)).astype(np.float64) * 2.0**-24
