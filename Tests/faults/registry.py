"""The cases' list, and what they are given."""

import concurrent.futures
import random
import time
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


def stalled(trial, run, hold, release, at_start=False, ranks=4):
    """Ranks, whose rank 0 finds that its file system does not answer: at a checkpoint, or when
    it goes on with a run.

    launch/hosts.sh, which looks into the run's folder behind the ranks, ends when it answers again.
    """
    lab = trial.lab
    if at_start:
        lab.train(run, 20, ranks)
    begin = time.monotonic()
    try:
        if at_start:
            hold()
        job = lab.start_ranks(run, ranks, 300, "--stall-timeout", "5s")
        if not at_start:
            lab.wait_for_checkpoint(run, 10)
            begin = time.monotonic()
            hold()
        is_said = job.waits_for("the job has stalled", 60)
        seconds = time.monotonic() - begin
        # launch/launcher.sh kills it after 20.
        end = time.monotonic() + 40
        while lab.processes(str(run), "mpirun") and time.monotonic() < end:
            time.sleep(0.1)
        meanwhile = "mpirun waits" if lab.processes(str(run), "mpirun") else "mpirun ended"
        ended = time.monotonic() - begin
        held = len(lab.ranks(run))
    finally:
        release()
    result = job.wait(60)
    places = ["in the opening of", "in the start"] if at_start else [
        "in the checkpoint after", "the writing of a checkpoint", "alive, in the end of iteration",
        # On a busy machine rank 0 may judge before its own wait is too long.
        "wait for each other or for a file system"]
    is_named = any(result.says(place) for place in places)
    said = "said" if is_said and is_named else (
        "not said: " + " ".join(result.errors.split())[-400:])
    return (
        "said, mpirun ended; it answers again: status 75, no process left, same bits",
        f"{said}, {meanwhile}; it answers again: status {result.status}, {lab.left(run, 30)}, "
        + lab.goes_on(run, 300),
        f"said after {seconds:.1f} s, mpirun ended after {ended:.1f} s; {held} of {ranks} ranks held by the "
        "file system until then",
    )
