"""Cases of bits that flip in the memory of a running rank."""

import re
import signal
from collections import Counter
from pathlib import Path

import memory
from lab import need
from registry import case, tally

# Biases of the critic and weights of the generator's norm: in memory as in a checkpoint.
FLIPPED = {"critic": "0.bias", "generator": "1.weight"}


def flip_parameter(trial, run, ranks, network, bits=(*range(23), 31)):
    """Flips a bit of a parameter of one of the ranks but 0, which has copies for checkpoints.

    Returns the rank's number, and what was done.
    """
    lab = trial.lab
    rank = trial.random.randrange(1, len(ranks))
    process = ranks[rank]
    lab.kill(process, signal.SIGSTOP)
    try:
        checkpoint = (run / "checkpoints/latest").resolve()
        values = memory.tensor(checkpoint / f"{network}.safetensors", FLIPPED[network])
        # Some iterations later each may be so far off: a rate of 0.0005, 3 critic steps in each.
        places = memory.find(process, values, 0.02)
        # Not the exponent: an infinite loss is found anyhow.
        index, bit = trial.random.randrange(len(values)), trial.random.choice(bits)
        for place in places:
            memory.flip(process, place + 4 * index, bit)
    finally:
        lab.kill(process, signal.SIGCONT)
    return rank, len(places)


@case("flipped-bit", "a bit of a parameter flips in a running rank", "/proc/PID/mem of one of 4 ranks is written, at the place where a checkpoint's values are found; checks.hashEvery=1 iterations")
def flipped_bit(trial):
    need(root=True)
    lab, seen, details = trial.lab, [], Counter()
    checks = "checks.hashEvery=1 iterations"
    for number in range(2 * trial.options.rounds):
        run, network = trial.run(number), ["critic", "generator"][number % 2]
        job = lab.start_ranks(run, 4, 400, checks)
        ranks = lab.wait_for_ranks(run, 4)
        lab.wait_for_checkpoint(run, 20)
        rank, places = flip_parameter(trial, run, by_rank(ranks), network)
        details[f"{network} at {places} place{'s' * (places != 1)}"] += 1
        result = job.wait(60)
        named = "not found: " + " ".join(result.errors.split())[-300:]
        for line in result.reasons:
            if "are no longer the same bits" in line:
                named = "rank named" if f": rank {rank} on " in line else line
        seen.append(
            f"status {result.status}, {len(result.reasons)} line, {named}, {lab.left(run)}, "
            + lab.goes_on(run, 400, 4, checks))
    return (
        "status 1, 1 line, rank named, no process left, same bits", tally(seen),
        f"{len(seen)} times: " + ", ".join(f"{count} x {what}" for what, count in details.items()))


@case("flipped-unseen", "a bit of a parameter flips where ranks do not compare", "the same with checks.hashEvery=never; then replay")
def flipped_unseen(trial):
    need(root=True)
    lab, seen, details = trial.lab, [], []
    for number in range(2):
        run = trial.run(number)
        job = lab.start_ranks(run, 4, 120)
        ranks = lab.wait_for_ranks(run, 4)
        lab.wait_for_checkpoint(run, 20)
        places = flip_parameter(trial, run, by_rank(ranks), "critic", (21, 22, 31))[1]
        result = job.wait(60)
        bits = lab.bits(run, 120).split(" in ")[0]
        replay = lab.start(
            [lab.program, "replay", run, "--from", "0", "--to", "120"]).wait()
        named = re.search(r"iteration (\d+) is the first that differs", replay.errors)
        seen.append(
            f"status {result.status}, {bits}; replay: status {replay.status}, "
            + ("iteration named" if named else " ".join(replay.errors.split())[-300:]))
        details.append(f"{named.group(1) if named else 'none'} ({places} place)")
    return (
        "status 0, other bits; replay: status 1, iteration named", tally(seen),
        "first different iteration: " + ", ".join(details))


def by_rank(processes):
    """Processes in the order of their ranks."""

    def rank(number):
        for word in Path(f"/proc/{number}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                return int(word.split(b"=")[1])
        return -1

    return sorted(processes, key=rank)
