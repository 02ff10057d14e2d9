"""The cases' list, and what they are given."""

import concurrent.futures
import random
from collections import Counter

CASES = {}


def case(name, fault, how):
    """Registers a case: its name, the fault, and how it is injected."""

    def register(function):
        CASES[name] = (fault, how, function)
        return function

    return register


def tally(seen):
    """`same bits` where all are alike, else how often each."""
    counts = Counter(seen)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{count} x {text}" for text, count in counts.most_common())


class Trial:
    """What a case is given."""

    def __init__(self, lab, name, options):
        self.lab, self.name, self.options = lab, name, options
        self.random = random.Random(f"{options.seed} {name}")
        self.folder = lab.work / name
        self.folder.mkdir()

    def run(self, number=0):
        return self.folder / f"run-{number:04}"

    def in_parallel(self, function, values):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            return list(pool.map(function, values))


def verdict(result):
    text = f"status {result.status}, {len(result.reasons)} line"
    return text if len(result.reasons) == 1 else f"{text} ({' '.join(result.errors.split())[:200]})"
