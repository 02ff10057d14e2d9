"""Injects faults into training runs; run.sh beside it says how it is called.

A case returns what was expected, what was seen (words that are compared), and figures beside them.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from lab import LOAD, Lab, Skipped, need
from registry import CASES, Trial, case, stalled, tally, verdict

# ---- processes that end --------------------------------------------------------------------------


def end_ranks(trial, choose):
    """Ends some of four ranks at random times, and goes on with 1, 2 or 4."""
    lab, seen, seconds, iterations = trial.lab, [], [], 400
    number = 0
    while len(seen) < trial.options.rounds:
        run, number = trial.run(number), number + 1
        job = lab.start_ranks(run, 4, iterations)
        ranks = lab.wait_for_ranks(run, 4)
        time.sleep(trial.random.uniform(0, 1.5))
        begin = time.monotonic()
        for process in choose(run, ranks):
            lab.kill(process)
        result = job.wait(60)
        if result.status == 0 and iterations < 10_000:
            # It was done before, on a machine that is so fast.
            iterations *= 4
            continue
        seconds.append(time.monotonic() - begin)
        left = lab.left(run)
        went_on = lab.goes_on(run, iterations, trial.random.choice([1, 2, 4]))
        seen.append(f"status {result.status}, {left}, {went_on}")
    expected = "status 75, no process left, same bits"
    return expected, tally(seen), f"{len(seen)} times; ended within {max(seconds):.1f} s"


@case("kill-rank", "a rank is killed", "SIGKILL to one of 4 ranks at a random time; goes on with 1, 2, 4")
def kill_rank(trial):
    return end_ranks(trial, lambda run, ranks: [trial.random.choice(ranks)])


@case("crash-rank", "a rank crashes", "SIGSEGV, SIGBUS, SIGABRT or SIGILL to one of 4 ranks")
def crash_rank(trial):
    signals = [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL]

    def choose(run, ranks):
        trial.lab.kill(trial.random.choice(ranks), trial.random.choice(signals))
        return []

    return end_ranks(trial, choose)


@case("kill-mpirun", "mpirun is killed", "SIGKILL to mpirun of 4 ranks")
def kill_mpirun(trial):
    return end_ranks(trial, lambda run, ranks: trial.lab.processes(str(run), "mpirun"))


@case("kill-all", "all processes are killed at once", "SIGKILL to mpirun and its 4 ranks")
def kill_all(trial):
    return end_ranks(
        trial, lambda run, ranks: trial.lab.processes(str(run), "mpirun") + ranks)


@case("kill-chain", "one run is killed again and again", "SIGKILL at random times, a start on 1, 2 or 4 ranks after each")
def kill_chain(trial):
    lab, run, statuses = trial.lab, trial.run(), []
    for _ in range(3 * trial.options.rounds):
        ranks = trial.random.choice([1, 2, 4])
        job = lab.start_ranks(run, ranks, 400)
        # Those of this start, however long it takes on a busy machine.
        lab.wait_for_ranks(run, ranks)
        end = time.monotonic() + trial.random.uniform(0, 2.5)
        while time.monotonic() < end and job.process.poll() is None:
            time.sleep(0.02)
        for process in lab.ranks(run):
            lab.kill(process)
        statuses.append(job.wait(60).status)
    left, hung = lab.left(run), statuses.count(124)
    ended = f"{hung} starts did not end in 60 s" if hung else "each start ended"
    return (
        "each start ended, no process left, same bits",
        f"{ended}, {left}, {lab.goes_on(run, 400)}",
        "starts that ended with status: " + ", ".join(
            f"{count} x {status}" for status, count in sorted(Counter(statuses).items())),
    )


@case("kill-start", "ranks are killed while MPI starts", "SIGKILL to those of 4 ranks that are there, up to 1 s behind mpirun's start")
def kill_start(trial):
    lab, seen = trial.lab, []
    for number in range(3 * trial.options.rounds):
        run = trial.run(number)
        job = lab.start_ranks(run, 4, 400)
        while not lab.processes(str(run), "mpirun") and job.process.poll() is None:
            time.sleep(0.005)
        end = time.monotonic() + trial.random.uniform(0, 1)
        while time.monotonic() < end or not lab.ranks(run):
            time.sleep(0.005)
        for process in lab.ranks(run):
            lab.kill(process)
        # Without a run's folder the script gives mpirun's own status: 137, or 139 where it crashed too.
        result = job.wait(60)
        is_ended = result.status == 75 or result.status >= 128
        status = "ended" if is_ended else f"status {result.status}"
        seen.append(f"{status}, {lab.left(run, 5)}, {lab.goes_on(run, 400)}")
    return "ended, no process left, same bits", tally(seen), f"{len(seen)} times"


@case("mpi-error", "a call of MPI fails on one rank", "mpi.c, preloaded: MPI_Waitall or MPI_Startall of one of 4 ranks says so, in a random call of the training")
def mpi_error(trial):
    need("cc", "mpicc")
    options = subprocess.run(
        ["mpicc", "--showme:compile"], check=True, capture_output=True, text=True).stdout.split()
    library, lab, seen = preloaded(trial, "mpi", *options), trial.lab, []
    texts = {
        "MPI_Waitall": "MPI_ERR_TRUNCATE: message truncated",
        "MPI_Startall": "MPI_ERR_REQUEST: invalid request",
    }
    for number, (call, text) in enumerate(texts.items()):
        run, rank = trial.run(number), trial.random.randrange(4)
        result = lab.start_ranks(
            run, 4, 60, LD_PRELOAD=library,
            MPI_FAULT=f"{call}:{rank}:{trial.random.randrange(100, 1000)}").wait(60)
        wanted = f"rank {rank} of 4: {call} failed: {text}"
        named = "named" if any(wanted in line for line in result.reasons) else result.errors[-300:]
        seen.append(f"{verdict(result)}, {named}, {lab.left(run)}, {lab.goes_on(run, 60, 2)}")
    expected = "status 1, 1 line, named, no process left, same bits"
    return expected, tally(seen), f"{', '.join(texts)}: rank, call and MPI's text"


@case("kill-orted", "mpirun's daemon on another machine is killed", "SIGKILL to orted on one of 2 pretend machines")
def kill_orted(trial):
    return on_machines(trial, "status 75", lambda run: [
        trial.lab.kill(number)
        for number in trial.lab.on_machine("m2", trial.lab.processes("orted", "orted"))
    ])


# ---- system calls --------------------------------------------------------------------------------

CALLS = "write,fsync,rename,unlink,symlink,rmdir,mkdir,pwrite64,ftruncate"
ERRORS = ["ENOSPC", "EIO", "EROFS", "EDQUOT"]


# Keeps the best checkpoint beside the newest one.
BEST = [
    "output.keep=1", "evaluation.every=5 iterations", "evaluation.samples=16",
    "evaluation.best={score: diversity, prefer: highest}",
]


def traced_calls(trial, *more):
    """The calls of rank 0 that change the run's folder: each its thread's, name, number and text.

    strace counts the calls of a name of each thread by itself, so that is their number.
    """
    lab, run, log = trial.lab, trial.folder / "traced", trial.folder / "trace"
    lab.start(["strace", "-f", "-y", "-o", log, "-e", f"trace={CALLS}", *lab.words(run, 30, *more)]).wait()
    counts, calls = Counter(), []
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +([a-z0-9]+)\((.*)", line)
        if match:
            thread, name, text = match.groups()
            counts[thread, name] += 1
            calls.append((thread, name, counts[thread, name], text))
    return calls


def checkpoint_calls(trial):
    """Those of the fourth checkpoint, the first that removes an older one."""
    calls = traced_calls(trial)
    begins = [n for n, call in enumerate(calls) if call[1] == "mkdir" and "/.step-" in call[3]]
    writer = calls[begins[3]][0]
    return [call for call in calls[begins[3]:begins[4]] if call[0] == writer]


def best_calls(trial):
    """Those of the last checkpoint but one that `best` moves to; older ones are removed then."""
    calls = traced_calls(trial, *BEST)
    begins = [n for n, call in enumerate(calls) if call[1] == "mkdir" and "/.step-" in call[3]]
    links = [n for n, call in enumerate(calls) if call[1] == "symlink" and "/.best." in call[3]]
    begin = max(n for n in begins[2:-1] if any(n < link for link in links))
    end = next(n for n in begins if n > begin)
    writer = calls[begin][0]
    return [call for call in calls[begin:end] if call[0] == writer]


def first_calls(trial):
    """Those before training: the run's folder is made."""
    calls = [call for call in traced_calls(trial) if str(trial.folder) in call[3]]
    begin = next(n for n, call in enumerate(calls) if call[1] == "mkdir" and "/.step-" in call[3])
    return [call for call in calls[:begin] if call[0] == calls[0][0]]


def inject(trial, number, call, what, *more):
    """A run in which one call is disturbed, and whether it was."""
    # Without --seccomp-bpf: strace 6.1 then injects into the first call only.
    lab, run, log = trial.lab, trial.run(number), trial.folder / f"log-{number:04}"
    _, name, count, _ = call
    result = lab.start([
        "strace", "-f", "-o", log, "-e", f"trace={name}",
        "-e", f"inject={name}:{what}:when={count}", *lab.words(run, 30, *more),
    ]).wait(60)
    text = log.read_text(errors="replace")
    log.unlink()
    return result, "killed by SIGKILL" in text or "(INJECTED)" in text


def kill_at(trial, calls, *more, judge=lambda run: ""):
    def one(item):
        number, call = item
        result, is_hit = inject(trial, number, call, "signal=KILL", *more)
        run = trial.run(number)
        left = trial.lab.left(run)
        seen = f"status {result.status}, {left}, {trial.lab.goes_on(run, 30, 1, *more)}{judge(run)}"
        shutil.rmtree(run, ignore_errors=True)
        return seen if is_hit else "not hit"

    trial.lab.reference(30)
    seen = trial.in_parallel(one, enumerate(calls))
    names = ", ".join(f"{n} {name}" for name, n in Counter(call[1] for call in calls).items())
    expected = "status 137, no process left, same bits" + (", same best" if more else "")
    return expected, tally(seen), f"{len(calls)} runs: {names}"


@case("kill-checkpoint", "a kill at every system call of a checkpoint's writing", "strace: SIGKILL before call N of the fourth checkpoint, for every N (so also after N - 1)")
def kill_checkpoint(trial):
    need("strace")
    return kill_at(trial, checkpoint_calls(trial))


@case("kill-best", "a kill at every system call of the writing of a checkpoint that is the best", "as above, with evaluation.best and output.keep=1")
def kill_best(trial):
    need("strace")
    calls = best_calls(trial)
    expected = os.readlink(trial.folder / "traced/checkpoints/best")

    def judge(run):
        link = run / "checkpoints/best"
        is_same = link.is_symlink() and os.readlink(link) == expected and (link / "DONE").exists()
        return ", same best" if is_same else ", another best"

    return kill_at(trial, calls, *BEST, judge=judge)


@case("kill-begin", "a kill at every system call of a run's begin", "strace: SIGKILL before each call that makes the run's folder")
def kill_begin(trial):
    need("strace")
    return kill_at(trial, first_calls(trial))


@case("error-checkpoint", "an error of every system call of a checkpoint's writing", "strace: ENOSPC, EIO, EROFS, EDQUOT in turn (--all-errors: each)")
def error_checkpoint(trial):
    need("strace")
    calls = checkpoint_calls(trial)
    trials = [
        (call, error) for number, call in enumerate(calls)
        for error in (ERRORS if trial.options.all_errors
                      else [ERRORS[(number + trial.options.seed) % len(ERRORS)]])
    ]
    ends = Counter()

    def one(item):
        number, (call, error) = item
        result, is_hit = inject(trial, number, call, f"error={error}")
        run = trial.run(number)
        if result.status == 1 and len(result.reasons) == 1:
            end = "ended in one line"
        elif result.status == 0 and not result.reasons:
            end = "went on with a warning" if result.warnings else "went on"
        else:
            end = f"{error} of {call[1]}: status {result.status}, {len(result.reasons)} lines"
        ends[end] += 1
        is_good = end in ("ended in one line", "went on with a warning", "went on")
        seen = f"{'one line or none' if is_good else end}, {trial.lab.left(run)}, "
        seen += trial.lab.goes_on(run, 30)
        shutil.rmtree(run, ignore_errors=True)
        return seen if is_hit else "not hit"

    trial.lab.reference(30)
    seen = trial.in_parallel(one, enumerate(trials))
    detail = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    return "one line or none, no process left, same bits", tally(seen), f"{len(trials)} runs: {detail}"


@case("torn-write", "a write that takes only a part", "prlimit --fsize at random sizes")
def torn_write(trial):
    need("prlimit")
    lab, seen = trial.lab, []
    for number in range(2 * trial.options.rounds):
        run = trial.run(number)
        size = int(2 ** trial.random.uniform(8, 18.6))
        result = lab.start(["prlimit", f"--fsize={size}", *lab.words(run)]).wait()
        seen.append(
            f"status {result.status}, {len(result.reasons)} line, {lab.left(run)}, {lab.goes_on(run)}")
    return "status 1, 1 line, no process left, same bits", tally(seen), f"{len(seen)} sizes"


# ---- damaged checkpoints -------------------------------------------------------------------------

FILES = ["generator.safetensors", "critic.safetensors", "optimizer.safetensors", "state.json", "DONE"]


def stored_run(trial):
    """A run of 40 iterations, of which each trial goes on with a copy to 60."""
    run = trial.folder / "stored"
    if not run.exists():
        result = trial.lab.train(run, 40)
        if result.status != 0:
            raise RuntimeError(result.errors)
    return run


def damage(trial, change, text, after):
    """Changes copies of a run's newest checkpoint, file by file, and goes on.

    `text` is what the warning has to name beside the file.
    """
    stored, seen = stored_run(trial), []
    for number, name in enumerate(FILES):
        run = trial.run(number)
        shutil.copytree(stored, run, symlinks=True)
        change(run / "checkpoints/step-00000040" / name)
        result = trial.lab.train(run, 60)
        named = any(f"step-00000040/{name}" in line and text in line for line in result.warnings)
        begun = f"going on after iteration {after}" in result.output
        seen.append(", ".join([
            f"status {result.status}", "file named" if named else f"{name} is not named",
            f"from {after}" if begun else "from elsewhere", trial.lab.bits(run),
        ]))
        if not named or not begun:
            seen[-1] += f" ({result.errors.strip()[:200]})"
    return f"status 0, file named, from {after}, same bits", tally(seen), f"{len(FILES)} files"


@case("flipped-byte", "a byte of a checkpoint's file is another", "one bit at a random place, in each file in turn")
def flipped_byte(trial):
    def change(path):
        data = bytearray(path.read_bytes())
        data[trial.random.randrange(len(data))] ^= 1 << trial.random.randrange(8)
        path.write_bytes(data)

    return damage(trial, change, "", 35)


@case("truncated", "a checkpoint's file is cut off", "at a random place, each file in turn")
def truncated(trial):
    return damage(
        trial, lambda path: os.truncate(path, trial.random.randrange(path.stat().st_size)), "", 35)


@case("emptied", "a checkpoint's file has no bytes", "size 0, each file in turn")
def emptied(trial):
    return damage(trial, lambda path: os.truncate(path, 0), "", 35)


@case("lost-file", "a checkpoint's file is gone", "removed, each file in turn, DONE too")
def lost_file(trial):
    return damage(trial, lambda path: path.unlink(), "", 35)


@case("all-damaged", "no checkpoint is whole", "one bit in each of the three checkpoints")
def all_damaged(trial):
    run = trial.run()
    shutil.copytree(stored_run(trial), run, symlinks=True)
    for path in (run / "checkpoints").glob("step-*/critic.safetensors"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    result = trial.lab.train(run, 60)
    return (
        "status 1, 1 line, 3 files named",
        f"status {result.status}, {len(result.reasons)} line, {len(result.warnings)} files named", "",
    )


@case("latest", "latest is gone or replaced", "removed; a folder (as cp -rL makes); a file; a link to nothing; a link to an older one")
def latest(trial):
    stored, seen = stored_run(trial), []

    def folder(link):
        shutil.copytree(stored / "checkpoints/step-00000040", link)

    changes = {
        "removed": lambda link: None,
        "a folder": folder,
        "a file": lambda link: link.write_text("step-00000040"),
        "a link to nothing": lambda link: link.symlink_to("step-00000099"),
        "a link to an older one": lambda link: link.symlink_to("step-00000030"),
    }
    for number, (name, change) in enumerate(changes.items()):
        run = trial.run(number)
        shutil.copytree(stored, run, symlinks=True)
        link = run / "checkpoints/latest"
        link.unlink()
        change(link)
        result = trial.lab.train(run, 60)
        begun = "from 40" if "going on after iteration 40" in result.output else "from elsewhere"
        bits = trial.lab.bits(run) if link.is_symlink() else "no link"
        reasons = f" ({name}: {' '.join(result.reasons)})" if result.status else ""
        seen.append(f"status {result.status}, {begun}, {bits}{reasons}")
    return "status 0, from 40, same bits", tally(seen), f"{len(seen)} ways"


@case("vanishing", "a checkpoint vanishes while it is read", "strace holds rank 0 between its checks and its reading; the folder is removed meanwhile")
def vanishing(trial):
    need("strace")
    lab, run, log = trial.lab, trial.run(), trial.folder / "log"
    shutil.copytree(stored_run(trial), run, symlinks=True)
    path = run / "checkpoints/step-00000040/generator.safetensors"
    job = lab.start([
        "strace", "-f", "-o", log, "-P", path, "-e", "trace=openat",
        "-e", "inject=openat:delay_enter=1500000:when=2", *lab.words(run),
    ])
    end = time.monotonic() + 20
    while time.monotonic() < end and not (log.exists() and "openat" in log.read_text()):
        time.sleep(0.01)
    time.sleep(0.5)
    shutil.rmtree(path.parent)
    result = job.wait()
    named = "file named" if any(str(path) in line for line in result.reasons) else result.errors
    return (
        "status 1, 1 line, file named, then same bits",
        f"status {result.status}, {len(result.reasons)} line, {named}, then {lab.goes_on(run)}", "",
    )


# ---- folders and file systems --------------------------------------------------------------------


def during(trial, run, change, iterations=400):
    """A run of one rank whose folder is changed behind its second checkpoint."""
    job = trial.lab.start(trial.lab.words(run, iterations))
    trial.lab.wait_for_checkpoint(run, 10)
    begin = time.monotonic()
    change()
    result = job.wait(60)
    return result, f"ended after {time.monotonic() - begin:.1f} s"


@case("deleted", "the run's folder is deleted while it runs", "removed behind the second checkpoint")
def deleted(trial):
    run = trial.run()
    result, detail = during(trial, run, lambda: (
        os.rename(run, trial.folder / "gone"), shutil.rmtree(trial.folder / "gone", True)))
    anew = "made anew" if run.exists() else "nothing made anew"
    return (
        "status 1, 1 line, nothing made anew; begun again: same bits",
        f"{verdict(result)}, {anew}; begun again: {trial.lab.goes_on(run)}", detail,
    )


@case("renamed", "the run's folder is renamed while it runs", "mv behind the second checkpoint")
def renamed(trial):
    run, other = trial.run(), trial.run(1)
    result, detail = during(trial, run, lambda: os.rename(run, other))
    anew = "made anew" if run.exists() else "nothing made anew"
    return (
        "status 1, 1 line, nothing made anew; goes on there: same bits",
        f"{verdict(result)}, {anew}; goes on there: {trial.lab.goes_on(other, 400)}", detail,
    )


class Mounted:
    """A small file system of its own, with a folder for a run."""

    def __init__(self, trial, kind, megabytes):
        need("mount", "umount", *(["mkfs.ext4"] if kind == "ext4" else []), root=True)
        self.path = trial.folder / "mounted"
        self.path.mkdir()
        self.image = trial.folder / "image"
        if kind == "ext4":
            with open(self.image, "wb") as file:
                file.truncate(megabytes << 20)
            self.call("mkfs.ext4", "-q", "-F", self.image)
            self.mount()
        else:
            self.call("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.path)

    @staticmethod
    def call(*words, check=True):
        done = subprocess.run(
            [str(word) for word in words], capture_output=True, text=True,
            env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        if check and done.returncode != 0:
            raise Skipped(f"{words[0]}: {done.stderr.strip()}")
        return done

    def mount(self):
        self.call("mount", "-o", "loop,errors=remount-ro", self.image, self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(20):
            if self.call("umount", self.path, check=False).returncode == 0:
                return
            time.sleep(0.2)
        self.call("umount", "-l", self.path, check=False)


@case("full", "the file system is full, then has room again", "a tmpfs of 8 MB, filled behind the second checkpoint, freed after the end")
def full(trial):
    with Mounted(trial, "tmpfs", 8) as mounted:
        run, filler = mounted.path / "run-0000", mounted.path / "filler"

        def fill():
            end = time.monotonic() + 20
            with open(filler, "ab", buffering=0) as file:
                while trial.lab.ranks(run) and time.monotonic() < end:
                    try:
                        file.write(bytes(1 << 16))
                    except OSError:
                        time.sleep(0.001)

        result, detail = during(trial, run, fill)
        filler.unlink()
        named = "No space left" if any("No space left" in line for line in result.reasons) else "?"
        return (
            "status 1, 1 line, No space left; freed: same bits",
            f"{verdict(result)}, {named}; freed: {trial.lab.goes_on(run, 400)}", detail,
        )


@case("quota", "the user's quota has no room for a checkpoint", "quota.c, preloaded, answers quotactl, where no virtual machine can run; writes that fail by EDQUOT are in error-checkpoint")
def quota(trial):
    lab, run = trial.lab, trial.run()
    environment = {"LD_PRELOAD": preloaded(trial, "quota"), "QUOTA_LEFT": "100000"}
    words = ["--run", run, "training.iterations=60", *LOAD]
    doctor = lab.start([lab.program, "doctor", "--launch", *words], **environment).wait()
    start = lab.start([lab.program, "train", "--dry-run", *words], **environment).wait()
    told = [
        "told" if "100.0 kB by quota" in doctor.output else doctor.output,
        "told" if any("100.0 kB are free by quota" in line for line in start.warnings)
        else start.errors,
    ]
    return (
        "doctor: status 1, told; start: told",
        f"doctor: status {doctor.status}, {told[0]}; start: {told[1]}", "",
    )


@case("read-only", "the file system turns read-only", "ext4 on a loop device, trigger_fs_error with errors=remount-ro; then e2fsck and mount")
def read_only(trial):
    with Mounted(trial, "ext4", 64) as mounted:
        run = mounted.path / "run-0000"
        source = mounted.call("findmnt", "-n", "-o", "SOURCE", mounted.path).stdout.strip()
        trigger = Path("/sys/fs/ext4") / os.path.basename(source) / "trigger_fs_error"
        if not trigger.exists():
            raise Skipped(f"{trigger} is missing")
        result, detail = during(trial, run, lambda: trigger.write_text("1"))
        mounted.__exit__()
        mounted.call("e2fsck", "-p", mounted.image, check=False)
        mounted.mount()
        return (
            "status 1, 1 line; mounted again: same bits",
            f"{verdict(result)}; mounted again: {trial.lab.goes_on(run, 400)}", detail,
        )


@case("frozen", "a file system that does not answer at rank 0's checkpoint", "fsfreeze of an ext4 on a loop device, 4 ranks, --stall-timeout 5s")
def frozen(trial):
    need("fsfreeze", root=True)
    with Mounted(trial, "ext4", 64) as mounted:
        return stalled(
            trial, mounted.path / "run-0000", lambda: mounted.call("fsfreeze", "-f", mounted.path),
            lambda: mounted.call("fsfreeze", "-u", mounted.path))


class Served:
    """A file system whose server, bindfs, can be stopped."""

    def __init__(self, trial):
        need("bindfs", "umount", root=True)
        real, self.path = trial.folder / "real", trial.folder / "mounted"
        real.mkdir()
        self.path.mkdir()
        self.server = subprocess.Popen(["bindfs", "-f", real, self.path], stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(100):
            if os.path.ismount(self.path):
                return self
            time.sleep(0.05)
        self.__exit__()
        raise Skipped("bindfs could not be mounted")

    def stop(self):
        self.server.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.server.send_signal(signal.SIGCONT)

    def __exit__(self, *_):
        self.go_on()
        subprocess.run(["umount", "-l", self.path], check=False)
        self.server.terminate()
        self.server.wait(10)


@case("fuse-stopped", "a file system whose server is stopped", "bindfs, SIGSTOP to its process, 4 ranks, --stall-timeout 5s")
def fuse_stopped(trial):
    with Served(trial) as served:
        return stalled(trial, served.path / "run-0000", served.stop, served.go_on)


@case("fuse-start", "a file system whose server is stopped when a run is gone on with", "as above, SIGSTOP before the start")
def fuse_start(trial):
    with Served(trial) as served:
        return stalled(trial, served.path / "run-0000", served.stop, served.go_on, at_start=True)


@case("frozen-start", "a file system that does not answer when a run is gone on with", "fsfreeze of an ext4 on a loop device before the start, 4 ranks, --stall-timeout 5s")
def frozen_start(trial):
    need("fsfreeze", root=True)
    with Mounted(trial, "ext4", 64) as mounted:
        return stalled(
            trial, mounted.path / "run-0000", lambda: mounted.call("fsfreeze", "-f", mounted.path),
            lambda: mounted.call("fsfreeze", "-u", mounted.path), at_start=True)


def preloaded(trial, name, *options):
    """A library of this folder, built for LD_PRELOAD."""
    need("cc")
    library = trial.folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", *options, "-o", library, source], check=True)
    return str(library)


@case("nfs-rename", "a rename that is done, but says that it was not", "nfs.c, preloaded: ENOENT after each rename of a start and of three checkpoints in turn, as NFS has it where an answer is lost")
def nfs_rename(trial):
    lab, library, ends = trial.lab, preloaded(trial, "nfs"), Counter()
    lab.reference(30)

    def one(number):
        run = trial.run(number)
        result = lab.start(
            lab.words(run, 30), LD_PRELOAD=library, NFS_RENAME=str(number + 1)).wait(60)
        lines = len(result.reasons)
        is_good = (result.status, lines) in ((1, 1), (0, 0))
        ends[f"status {result.status}"] += 1
        return f"{'one line or none' if is_good else verdict(result)}, {lab.goes_on(run, 30)}"

    seen = trial.in_parallel(one, range(16))
    detail = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    return "one line or none, same bits", tally(seen), f"{len(seen)} renames: {detail}"


@case("nfs-open", "files that are removed stay, as somebody has them open", "nfs.c, preloaded: unlink in old checkpoints leaves .nfs files, which cannot be removed; then they can")
def nfs_open(trial):
    lab, library, run = trial.lab, preloaded(trial, "nfs"), trial.run()
    result = lab.start(lab.words(run, 60), LD_PRELOAD=library, NFS_OPEN="/checkpoints/").wait()
    kept = [path for path in (run / "checkpoints").rglob(".nfs*")]
    first = f"status {result.status}, {lab.bits(run)}, {'warned' if result.warnings else 'silent'}"
    # Whoever had them open ends, the client removes them, and the next start what is left.
    for path in kept:
        path.unlink()
    again = lab.train(run, 90)
    left = [path.name for path in (run / "checkpoints").iterdir() if path.name[0] == "."]
    return (
        "status 0, same bits, warned; closed: status 0, same bits, 0 left",
        f"{first}; closed: status {again.status}, {lab.bits(run, 90)}, {len(left)} left",
        f"{len(kept)} files stayed",
    )


@case("second-job", "a second job is started on a run at work", "the same command again, while the first one trains")
def second_job(trial):
    lab, run = trial.lab, trial.run()
    job = lab.start(lab.words(run, 400))
    lab.wait_for_checkpoint(run, 10)
    second = lab.train(run, 400)
    named = "holder named" if any("in use by process" in line for line in second.reasons) else "?"
    first = job.wait()
    return (
        "second: status 1, 1 line, holder named; first: status 0, same bits",
        f"second: {verdict(second)}, {named}; first: status {first.status}, {lab.bits(run, 400)}",
        f"refused after {second.seconds:.1f} s",
    )


# ---- time ----------------------------------------------------------------------------------------


@case("clock-back", "the clock is set back", "clock.c, preloaded: 400 days back between two starts, and while the run goes")
def clock_back(trial):
    lab, seen, clock = trial.lab, [], trial.folder / "clock"
    faked = {"LD_PRELOAD": preloaded(trial, "clock"), "CLOCK_OFFSET": str(clock)}
    back = str(-400 * 86400)
    # Between two starts.
    run = trial.run()
    shutil.copytree(stored_run(trial), run, symlinks=True)
    clock.write_text(back)
    result = lab.start(lab.words(run), **faked).wait()
    seen.append(f"status {result.status}, {lab.bits(run)}")
    # While it runs.
    run = trial.run(1)
    clock.write_text("0")
    job = lab.start(lab.words(run, 400), **faked)
    lab.wait_for_checkpoint(run, 10)
    clock.write_text(back)
    result = job.wait()
    seen.append(f"status {result.status}, {lab.bits(run, 400)}")
    years = [line[:4] for line in (run / "run.log").read_text().splitlines()]
    return "status 0, same bits", tally(seen), f"years in run.log: {', '.join(years)}"


@case("stopped-rank", "a rank stops for ever", "SIGSTOP to one of 4 ranks, --stall-timeout 5s")
def stopped_rank(trial):
    lab, seen, seconds = trial.lab, [], []
    for number in range(2):
        run = trial.run(number)
        job = lab.start_ranks(run, 4, 300, "--stall-timeout", "5s")
        ranks = lab.wait_for_ranks(run, 4)
        lab.wait_for_checkpoint(run, 5)
        # Rank 0, which speaks for all, and another.
        victim = trial.random.choice(ranks[1:]) if number else ranks[0]
        begin = time.monotonic()
        lab.kill(victim, signal.SIGSTOP)
        result = job.wait(60)
        seconds.append(time.monotonic() - begin)
        name = "no sign of life" if result.says("no sign of life") else result.errors
        seen.append(
            f"status {result.status}, {name}, {lab.left(run)}, {lab.goes_on(run, 300)}")
    return (
        "status 75, no sign of life, no process left, same bits", tally(seen),
        f"rank 0 and another; ended within {max(seconds):.1f} s",
    )


# ---- machines ------------------------------------------------------------------------------------


def on_machines(trial, expected, change, iterations=400):
    """Ranks on two of three pretend machines; goes on with the other two where it has ended."""
    lab, run = trial.lab, trial.run()
    lab.boot_machines(3)
    try:
        job = lab.start_on_machines(run, ["m1", "m2"], iterations)
        if not lab.wait_for_checkpoint(run, 10):
            return expected, f"no checkpoint: {job.wait(1).errors[:300]}", ""
        begin = time.monotonic()
        change(run)
        result = job.wait(120)
        seconds = time.monotonic() - begin
        seen = f"status {result.status}, "
        if result.status != 0:
            left = lab.left(run, 30)
            again = lab.start_on_machines(run, ["m1", "m3"], iterations).wait()
            seen += f"{left}; on others: status {again.status}, "
            expected += ", no process left; on others: status 0"
        seen += lab.bits(run, iterations)
    finally:
        lab.machines("down")
    return expected + ", same bits", seen, f"ended after {seconds:.1f} s"


@case("host-off", "a machine loses its power", "one of 2 pretend machines off")
def host_off(trial):
    return on_machines(trial, "status 75", lambda run: trial.lab.machines("off", "m2"))


@case("cable-out", "a cable drops silently, for ever", "a pretend machine's cable out")
def cable_out(trial):
    return on_machines(trial, "status 75", lambda run: trial.lab.machines("cut", "m2"))


@case("cable-short", "a cable is out for three seconds", "out, 3 s, in")
def cable_short(trial):
    def change(run):
        trial.lab.machines("cut", "m2")
        time.sleep(3)
        trial.lab.machines("heal", "m2")

    return on_machines(trial, "status 0", change)


# --------------------------------------------------------------------------------------------------

# Their cases come behind those above.
import bits  # noqa: E402, F401
import guests  # noqa: E402, F401
import starts  # noqa: E402, F401


def main():
    parser = argparse.ArgumentParser(description="Injects faults into training runs.")
    parser.add_argument("names", nargs="*", help="cases; all without")
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices (0)")
    parser.add_argument("--rounds", type=int, default=5, help="how often what is random is tried (5)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs beside each other")
    parser.add_argument("--all-errors", action="store_true", help="each error at each system call")
    parser.add_argument("--keep", action="store_true", help="leave the runs")
    options = parser.parse_args()
    if options.list:
        for name, (fault, _, _) in CASES.items():
            print(f"{name:20}{fault}")
        return 0
    unknown = [name for name in options.names if name not in CASES]
    if unknown:
        raise SystemExit(f"faults: no case '{unknown[0]}'; expected {' '.join(CASES)}")
    lab, failures = Lab(options.seed, options.keep), 0
    print("| case | fault | how | expected | seen | s | |\n|---|---|---|---|---|---|---|", flush=True)
    try:
        for name in options.names or CASES:
            fault, how, function = CASES[name]
            begin, word = time.monotonic(), "ok"
            try:
                expected, seen, detail = function(Trial(lab, name, options))
                if seen != expected:
                    word = "FAILED"
                    failures += 1
                if detail:
                    seen += f" ({detail})"
            except Skipped as reason:
                expected, seen, word = "", str(reason), "skipped"
            seconds = time.monotonic() - begin
            print(f"| {name} | {fault} | {how} | {expected} | {seen} | {seconds:.0f} | {word} |",
                  flush=True)
            if not options.keep:
                shutil.rmtree(lab.work / name, ignore_errors=True)
    finally:
        lab.close()
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
