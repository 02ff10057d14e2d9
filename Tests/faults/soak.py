#!/usr/bin/env python3
"""Trains on four pretend machines for some minutes while faults come at random, and compares.

    Tests/faults/soak.py --minutes 60 --seed 0 --output soak       # soak.csv, soak.svg
    PROGRAM=FILE Tests/faults/soak.py --minutes 10

launch/hosts.sh starts the ranks, and is called again whenever it ends. At the end the run is stopped
in order, and an undisturbed run of as many iterations on one rank must have the same last checkpoint.
Needs root, Open MPI, iproute2 and util-linux. Expected result: "same bits", status 0.

    Tests/faults/soak.py --plot soak.csv --output soak             # the plot of an earlier run again
"""

import argparse
import csv
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import soakplot
from lab import Lab, Skipped, filecmp

NAMES = ["m1", "m2", "m3", "m4"]
LOAD = ["width=4", "training.batch=16", "output.checkpointEvery=40 iterations",
        "output.sampleEvery=400 iterations", "training.iterations=1000000"]
COLUMNS = ["seconds", "iteration", "ranks", "resident_mb", "descriptors", "disk_mb", "left_mb",
           "processes", "fault"]


class Soak:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.lab = Lab(options.seed, options.keep)
        self.faults, self.statuses, self.reasons = Counter(), Counter(), Counter()
        self.rows = []
        self.new_faults = []
        self.begin = time.monotonic()
        self.ended = threading.Event()
        self.job = None

    # ---- what is recorded --------------------------------------------------------------------

    def usage(self, run):
        """Resident megabytes and open descriptors of a run's largest rank, and how many ranks it has."""
        resident = descriptors = 0
        ranks = self.lab.ranks(run)
        for number in ranks:
            try:
                status = Path(f"/proc/{number}/status").read_text()
                resident = max(resident, int(status.split("VmRSS:")[1].split()[0]) / 1e3)
                descriptors = max(descriptors, len(os.listdir(f"/proc/{number}/fd")))
            except (OSError, IndexError):
                pass
        return round(resident, 1), descriptors, len(ranks)

    @staticmethod
    def megabytes(path, without=()):
        """What the files of a folder take."""
        size = 0
        for folder, _, names in os.walk(path):
            for name in names:
                if not name.endswith(without):
                    try:
                        size += os.lstat(os.path.join(folder, name)).st_size
                    except OSError:
                        pass
        return round(size / 1e6, 3)

    def sample(self):
        """One row: time, iteration, what the job takes, and the faults since the row before."""
        resident, descriptors, ranks = self.usage(self.run)
        faults, self.new_faults = self.new_faults, []
        self.rows.append([
            round(time.monotonic() - self.begin, 1), self.newest(), ranks, resident, descriptors,
            self.megabytes(self.run, (".csv", ".log")), self.megabytes(self.lab.work / "tmp"),
            len(self.lab.processes(str(self.run))), " ".join(faults),
        ])

    def newest(self):
        try:
            return int(os.readlink(self.run / "checkpoints/latest")[5:])
        except (OSError, ValueError):
            return 0

    def record(self):
        while not self.ended.wait(1):
            self.sample()

    # ---- faults ------------------------------------------------------------------------------

    def remote(self, name):
        return self.lab.on_machine(name, self.lab.ranks(self.run))

    def segmentation_fault(self):
        victim = self.random.choice(self.lab.ranks(self.run) or [0])
        if victim:
            self.lab.kill(victim, signal.SIGSEGV)

    def killed_rank(self):
        victim = self.random.choice(self.lab.ranks(self.run) or [0])
        if victim:
            self.lab.kill(victim)

    def cable(self):
        name = self.random.choice(NAMES[1:])
        self.lab.machines("cut", name)
        time.sleep(self.random.choice([2, 14]))
        self.lab.machines("heal", name)

    def killed_job(self):
        for number in self.lab.processes(str(self.run)):
            self.lab.kill(number)
        self.job.end()

    def deadlock(self):
        victim = self.random.choice(self.lab.ranks(self.run) or [0])
        if victim:
            self.lab.kill(victim, signal.SIGSTOP)

    def full_disk(self):
        end = time.monotonic() + 15
        filler = self.disk / "filler"
        with open(filler, "ab", buffering=0) as file:
            while self.job.process.poll() is None and time.monotonic() < end:
                try:
                    file.write(bytes(1 << 16))
                except OSError:
                    time.sleep(0.002)
        filler.unlink()

    def lost_host(self):
        name = self.random.choice(NAMES[1:])
        self.lab.machines("off", name)
        self.wait_for_end(30)
        self.lab.machines("boot", name)

    def wait_for_end(self, seconds):
        self.wait(self.job, seconds)

    @staticmethod
    def wait(job, seconds):
        try:
            job.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass

    # ---- the run -----------------------------------------------------------------------------

    def start(self):
        self.job = self.lab.start_on_machines(
            self.run, NAMES, 1000000, "--stall-timeout", "5s", *LOAD)

    def collect(self):
        """Takes note of how a job ended."""
        result = self.job.wait(60)
        self.statuses[result.status] += 1
        for line in result.reasons:
            self.reasons[line.split("error: ", 1)[1][:60]] += 1
        # 137 is a script that `killed_job` has killed.
        if result.status not in (0, 75, 137):
            print(f"  status {result.status}: {' | '.join(result.reasons) or result.errors[-300:]}",
                  flush=True)
        left = self.lab.left(self.run, 30)
        if left != "no process left":
            print(f"  {left}", flush=True)
            self.faults["left"] += 1

    def go(self):
        lab = self.lab
        self.disk = lab.work / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", self.disk], check=True)
        self.run = self.disk / "run"
        lab.boot_machines(len(NAMES))
        recorder = threading.Thread(target=self.record, daemon=True)
        recorder.start()
        try:
            return self.disturb()
        finally:
            self.ended.set()
            recorder.join()
            if self.job and self.job.process.poll() is None:
                self.job.end()
            for number in lab.processes(str(self.run)):
                lab.kill(number)
            lab.machines("down")
            if not self.options.keep:
                subprocess.run(["umount", "-l", self.disk], check=False)
            lab.close()

    def disturb(self):
        kinds = [self.segmentation_fault, self.killed_rank, self.cable, self.killed_job,
                 self.deadlock, self.full_disk, self.lost_host]
        deadline = self.begin + self.options.minutes * 60
        order = []
        self.start()
        while time.monotonic() < deadline:
            # New checkpoints first, so that the run comes on between faults.
            self.lab.wait_for_checkpoint(self.run, self.newest() + 1, 60)
            time.sleep(self.random.uniform(0, 6))
            if not order:
                order = self.random.sample(kinds, len(kinds))
            fault = order.pop()
            self.faults[fault.__name__] += 1
            self.new_faults.append(fault.__name__)
            seconds = time.monotonic() - self.begin
            print(f"{seconds:6.0f} s, iteration {self.newest()}: {fault.__name__}", flush=True)
            fault()
            # What does not end within this has survived the fault, as a short cut of a cable.
            self.wait_for_end(3 if fault == self.cable else 40)
            if self.job.process.poll() is not None:
                self.collect()
                self.start()
        self.lab.wait_for_checkpoint(self.run, self.newest() + 1, 60)
        for number in self.lab.processes(str(self.run), "mpirun"):
            self.lab.kill(number, signal.SIGUSR1)
        self.wait_for_end(60)
        self.collect()
        return self.compare()

    def compare(self):
        minutes = (time.monotonic() - self.begin) / 60
        self.ended.set()
        steps = self.newest()
        print(f"{minutes:.1f} minutes, {steps} iterations; undisturbed: ...", flush=True)
        other = self.lab.work / "undisturbed"
        job = self.lab.start([
            self.lab.program, "train", "--run", other, "--continue", *LOAD[:-1],
            f"training.iterations={steps}"])
        usage = []
        while job.process.poll() is None:
            usage.append(self.usage(other)[:2])
            self.wait(job, 1)
        result = job.wait(None)
        if result.status != 0:
            print(result.errors)
            return False
        seen = "same bits"
        for file in sorted((other / "checkpoints/latest").glob("*.safetensors")):
            if not filecmp.cmp(file, self.run / "checkpoints/latest" / file.name, shallow=False):
                seen = f"other bits in {file.name}"
        with open(self.run / "metrics.csv", newline="") as file:
            rows = [row[0] for row in csv.reader(file)][1:]
        if rows != [str(number) for number in range(1, steps + 1)]:
            seen += f", but {len(rows)} rows of metrics.csv"
        left = self.faults.pop("left", 0)
        self.tell_usage(usage)
        print("faults: " + ", ".join(f"{count} {name}" for name, count in self.faults.items()))
        print("statuses: " + ", ".join(f"{count} x {s}" for s, count in self.statuses.items()))
        print(f"starts that left a process: {left}")
        print(f"{sum(self.faults.values())} faults, {steps} iterations: {seen}")
        return seen == "same bits" and left == 0

    def tell_usage(self, undisturbed):
        """Medians of quarters of the time, while a job was there."""
        rows = [dict(zip(COLUMNS, row)) for row in self.rows if row[2] > 0]
        for name in ("resident_mb", "descriptors", "disk_mb", "left_mb", "processes"):
            print(f"{name} in quarters: {quarters([row[name] for row in rows])}")
        for number, name in enumerate(("resident_mb", "descriptors")):
            print(f"undisturbed, {name} in quarters: {quarters([row[number] for row in undisturbed])}")

    def write(self, path):
        with open(f"{path}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(self.rows)
        soakplot.write(f"{path}.csv", f"{path}.svg")


def quarters(values):
    """The median of each quarter of a list."""
    count = len(values)
    parts = [values[count * n // 4:count * (n + 1) // 4] for n in range(4)]
    return ", ".join(f"{statistics.median(part):g}" for part in parts if part)


def main():
    parser = argparse.ArgumentParser(description="Trains under random faults, and compares.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="soak", help="the plot's name, without .svg")
    parser.add_argument("--keep", action="store_true", help="leave the run")
    parser.add_argument("--plot", metavar="CSV", help="only draw the plot of an earlier run's table")
    options = parser.parse_args()
    if options.plot:
        soakplot.write(options.plot, f"{options.output}.svg")
        return 0
    soak = Soak(options)
    try:
        is_good = soak.go()
    except Skipped as reason:
        print(f"soak: skipped: {reason}")
        return 0
    soak.write(options.output)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
