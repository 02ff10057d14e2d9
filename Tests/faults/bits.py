"""Cases of bits that flip in the memory of a running rank."""

import re
import signal
from collections import Counter
from pathlib import Path

import debugger
import memory
from lab import need
from registry import case, tally

# Biases of the critic and weights of the generator's norm: in memory as in a checkpoint.
KNOWN = {"critic": "0.bias", "generator": "1.weight"}
# Not the exponent: an infinite loss is found anyhow.
BITS = (*range(23), 31)
CHECKS = "checks.hashEvery=1 iterations"
ITERATIONS = 200
FOUND = "status 1, 1 line, rank named, no process left, same bits"
UNREAD = "status 0, same bits"
OTHER = "status 0, other bits"
REPLAYED = "replay: status 1, iteration named"


class Target:
    """A network's parameters in the memory of one of four ranks, which is stopped meanwhile.

    Not of rank 0, which has copies for checkpoints.
    """

    def __init__(self, trial, run, network):
        self.lab, self.random, self.network = trial.lab, trial.random, network
        ranks = by_rank(self.lab.wait_for_ranks(run, 4))
        self.lab.wait_for_checkpoint(run, 10)
        self.rank = self.random.randrange(1, 4)
        self.process = ranks[self.rank]
        self.lab.kill(self.process, signal.SIGSTOP)
        checkpoint = (run / "checkpoints/latest").resolve()
        # The others come no further than to the next update, at which they wait for this one. What
        # flips behind a run's last update changes nothing that is saved.
        if int(checkpoint.name[5:]) > ITERATIONS - 20:
            self.go_on()
            raise debugger.Failed(f"the run was at its end, at {checkpoint.name}")
        file = checkpoint / f"{network}.safetensors"
        self.arena = memory.Arena(file)
        # Some iterations later each may be so far off: a rate of 0.0005, 3 critic steps in each.
        values = memory.tensor(file, KNOWN[network])
        found = memory.find(self.process, values, 0.02)
        if len(found) != 1:
            self.go_on()
            raise debugger.Failed(f"{network}: {KNOWN[network]} lies at {len(found)} places")
        self.base = found[0] - 4 * self.arena.parts[KNOWN[network]].start

    def go_on(self):
        self.lab.kill(self.process, signal.SIGCONT)

    def address(self, is_own, least=0.0, kind=""):
        """Of a parameter that this rank moves, or another; of at least so large a value."""
        places = [self.base + 4 * n for n in self.arena.places(self.rank, 4, is_own, kind)]
        while True:
            place = self.random.choice(places)
            if abs(memory.value(self.process, place)) >= least:
                return place


def given_up(lab, run, job, reason):
    """What to say where nothing could be flipped."""
    job.end()
    said = " ".join(job.wait().errors.split())[-200:]
    return f"nothing flipped: {reason}, {lab.left(run)}, {said}"


def part(is_own):
    return "own part" if is_own else "another's part"


@case("flipped-bit", "a bit of a parameter flips in a running rank", "gdb tells where one of 4 ranks is, at any time, and its /proc/PID/mem is written; checks.hashEvery=1 iterations; in another rank's part where the rank is behind the comparison, else half of them in its own")
def flipped_bit(trial):
    need("gdb", "strip", root=True)
    lab, seen, details = trial.lab, [], Counter()
    expected = f"{FOUND}; or, behind the comparison: {UNREAD}"
    for number in range(2 * trial.options.rounds):
        run, network = trial.run(number), ["critic", "generator"][number % 2]
        job = lab.start_ranks(run, 4, ITERATIONS, CHECKS)
        try:
            target = Target(trial, run, network)
            lines = debugger.frames(lab, target.process)
            is_behind = debugger.is_behind_comparison(lines, network)
            # In its own part there it would be everyone's: flipped-late has that.
            is_own = not is_behind and trial.random.random() < 0.5
            memory.flip(target.process, target.address(is_own), trial.random.choice(BITS))
            target.go_on()
        except (debugger.Failed, OSError) as reason:
            seen.append(given_up(lab, run, job, reason))
            continue
        result = job.wait(600)
        if result.status == 0:
            outcome = f"status 0, {lab.bits(run, ITERATIONS)}"
        else:
            outcome = found(result, target.rank) + f", {lab.left(run)}, " + lab.goes_on(
                run, ITERATIONS, 1, CHECKS)
        where = f"{part(is_own)}, {'behind' if is_behind else 'before'}"
        if outcome == FOUND or (outcome == UNREAD and is_behind):
            seen.append(expected)
            details[f"{where}: {'found' if outcome == FOUND else 'overwritten'}"] += 1
        else:
            seen.append(f"{network}, {where}: {outcome}")
    return expected, tally(seen), summary(seen, details)


def found(result, rank):
    """How a run ended that a comparison has ended."""
    named = "not found: " + " ".join(result.errors.split())[-300:]
    for line in result.reasons:
        if "are no longer the same bits" in line:
            named = "rank named" if f": rank {rank} on " in line else line
    return f"status {result.status}, {len(result.reasons)} line, {named}"


def summary(seen, details):
    return f"{len(seen)} times: " + ", ".join(
        f"{count} x {what}" for what, count in sorted(details.items()))


@case("flipped-late", "a bit flips just before the ranks compare, and just behind it", "as in flipped-bit; gdb flips it where one of 4 ranks begins to take the hash of a network, or to update it")
def flipped_late(trial):
    need("gdb", "strip", root=True)
    lab, seen = trial.lab, []
    wanted = {
        ("before", False): FOUND,
        ("before", True): FOUND,
        ("behind", False): UNREAD,
        # The rank gives it to the others as the new value.
        ("behind", True): f"{OTHER}; {REPLAYED}",
    }
    number = 0
    for (side, is_own), outcome in wanted.items():
        outcomes = []
        for network in ["critic", "generator"]:
            run, number = trial.run(number), number + 1
            job = lab.start_ranks(run, 4, ITERATIONS, CHECKS)
            try:
                target = Target(trial, run, network)
                address = target.address(is_own)
                target.go_on()
                last = debugger.HASH if side == "before" else debugger.UPDATE
                debugger.flip_at(
                    lab, target.process, [debugger.STEPS[network], last], address,
                    trial.random.choice(BITS))
            except (debugger.Failed, OSError) as reason:
                outcomes.append(given_up(lab, run, job, reason))
                continue
            result = job.wait(600)
            if result.status != 0:
                outcomes.append(found(result, target.rank) + f", {lab.left(run)}, " + lab.goes_on(
                    run, ITERATIONS, 1, CHECKS))
                continue
            outcomes.append(replayed(lab, run, result))
        seen.append(f"{side}, {part(is_own)}: {tally(outcomes)}")
    expected = " / ".join(
        f"{side}, {part(is_own)}: {outcome}" for (side, is_own), outcome in wanted.items())
    return expected, " / ".join(seen), f"{number} times, critic and generator in turn"


def replayed(lab, run, result):
    """How a run ended, and where its bits are others what `replay` says of the whole of it."""
    bits = lab.bits(run, ITERATIONS).split(" in ")[0]
    outcome = f"status {result.status}, {bits}"
    if outcome == UNREAD:
        return outcome
    replay = lab.start([lab.program, "replay", run, "--from", "0", "--to", ITERATIONS]).wait()
    named = re.search(r"iteration (\d+) is the first that differs", replay.errors)
    what = "iteration named" if named else " ".join(replay.errors.split())[-300:]
    return f"{outcome}; replay: status {replay.status}, {what}"


@case("flipped-unseen", "a bit of a parameter flips where ranks do not compare", "as in flipped-bit with checks.hashEvery=never, in either part; then replay")
def flipped_unseen(trial):
    need("gdb", "strip", root=True)
    lab, seen, details = trial.lab, [], Counter()
    other = f"{OTHER}; {REPLAYED}"
    # Passes may also compute with a copy in another order, which is made once an update.
    expected = f"{other}; or, in another's part: {UNREAD}"
    for number in range(trial.options.rounds):
        run, network = trial.run(number), ["critic", "generator"][number % 2]
        job = lab.start_ranks(run, 4, ITERATIONS)
        try:
            target = Target(trial, run, network)
            is_in_step = debugger.is_in_step(debugger.frames(lab, target.process), network)
            is_own = trial.random.random() < 0.5
            # A change that the table's digits show.
            memory.flip(
                target.process, target.address(is_own, least=0.02), trial.random.choice((21, 22, 31)))
            target.go_on()
        except (debugger.Failed, OSError) as reason:
            seen.append(given_up(lab, run, job, reason))
            continue
        outcome = replayed(lab, run, job.wait(600))
        where = f"{part(is_own)}, {'in its step' if is_in_step else 'elsewhere'}"
        if outcome == other or (outcome == UNREAD and not is_own):
            seen.append(expected)
            details[f"{where}: {'other bits' if outcome == other else 'overwritten'}"] += 1
        else:
            seen.append(f"{network}, {where}: {outcome}")
    return expected, tally(seen), summary(seen, details)


@case("flipped-copied", "a weight flips of which passes compute with a copy", "as in flipped-unseen; gdb flips a parameter of the critic in another's part where one of 4 ranks begins to update the generator: the critic's next step reads biases, and copies of weights in another order")
def flipped_copied(trial):
    need("gdb", "strip", root=True)
    lab, seen, number = trial.lab, [], 0
    wanted = {"weight": UNREAD, "bias": f"{OTHER}; {REPLAYED}"}
    for kind in wanted:
        outcomes = []
        for _ in range(3):
            run, number = trial.run(number), number + 1
            job = lab.start_ranks(run, 4, ITERATIONS)
            try:
                target = Target(trial, run, "critic")
                address = target.address(False, least=0.02, kind=kind)
                target.go_on()
                debugger.flip_at(
                    lab, target.process, [debugger.STEPS["generator"], debugger.UPDATE], address, 22)
            except (debugger.Failed, OSError) as reason:
                outcomes.append(given_up(lab, run, job, reason))
                continue
            outcomes.append(replayed(lab, run, job.wait(600)))
        seen.append(f"{kind}: {tally(outcomes)}")
    expected = " / ".join(f"{kind}: {outcome}" for kind, outcome in wanted.items())
    return expected, " / ".join(seen), "3 times each"


def by_rank(processes):
    """Processes in the order of their ranks."""

    def rank(number):
        for word in Path(f"/proc/{number}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                return int(word.split(b"=")[1])
        return -1

    return sorted(processes, key=rank)
