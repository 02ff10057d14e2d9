"""Cases that need a kernel with NFS or quotas, or a power that can be cut: in virtual machines."""

import hashlib
import os
import re
import subprocess
import time
import zlib
from pathlib import Path

from lab import need
from registry import case, stalled, tally, verdict
from virtual import Guest, inside

EXPORTED = Path("/nfs")
# NFS waits for clients to come back for so many seconds after a server's start.
GRACE = 10


def image(trial, name, megabytes=256):
    path = trial.folder / name
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    return path


def make(words, disk):
    """A file system."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    subprocess.run([*words, disk], check=True, env=dict(os.environ, PATH=path), capture_output=True)


class Network:
    """An NFS server and its clients, each on a cable of its own."""

    def __init__(self, trial, clients=1, cores=2):
        need("mount.nfs", "rpc.nfsd", "rpc.mountd", "rpcbind", "exportfs", "mkfs.ext4", "ip")
        self.trial, self.guests = trial, []
        disk = image(trial, "disk")
        make(["mkfs.ext4", "-q", "-F"], disk)
        try:
            links = [(f"server-{n}", f"client-{n}") for n in range(clients)]
            self.server = self._guest("server", [disk], links)
            self.serve()
            self.clients = [
                self._guest(f"client{n}", (), [link[::-1]], cores) for n, link in enumerate(links)]
            for number, guest in enumerate(self.clients):
                guest.load("virtio_net", "nfsv4", "nfsv3")
                guest.shell(f"ip addr add 10.78.{number}.2/24 dev eth0; ip link set eth0 up")
        except BaseException:
            self.__exit__()
            raise

    def _guest(self, *words):
        self.guests.append(Guest(self.trial, *words))
        return self.guests[-1]

    def serve(self):
        self.server.load("virtio_net", "virtio_blk", "ext4", "nfsd")
        for number, _ in enumerate(self.server.links):
            self.server.shell(
                f"ip addr add 10.78.{number}.1/24 dev eth{number}; ip link set eth{number} up")
        # Whom the server knows has to outlive it, so that clients can have their locks again.
        self.server.shell(
            "mkdir -p /disk; mount /dev/vda /disk; mkdir -p /disk/exported\n"
            "[[ -e /disk/state ]] || cp -a /var/lib/nfs /disk/state\n"
            "mkdir -p /disk/state/v4recovery /var/lib/nfs; mount --bind /disk/state /var/lib/nfs\n"
            "mount -t nfsd nfsd /proc/fs/nfsd; rpcbind\n"
            "exportfs -o rw,sync,fsid=0,no_root_squash,no_subtree_check '*:/disk/exported'\n"
            f"rpc.mountd; rpc.nfsd --grace-time {GRACE} --lease-time {GRACE} 4")

    def restart(self):
        """The server loses its power, and comes back."""
        self.server.cut()
        self.server.boot()
        self.serve()

    def mount(self, version):
        path, options = VERSIONS[version]
        for number, guest in enumerate(self.clients):
            guest.shell(
                f"mkdir -p {EXPORTED}; ! mountpoint -q {EXPORTED} || umount {EXPORTED}\n"
                f"mount.nfs 10.78.{number}.1:{path} {EXPORTED} -o hard,{options}", seconds=30)

    def cable(self, number, state):
        self.server.shell(f"ip link set eth{number} {state}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for guest in self.guests:
            guest.cut()


# What is mounted, and how.
VERSIONS = {"4.2": ("/", "vers=4.2"), "3": ("/disk/exported", "vers=3,nolock")}


def nfs_stalled(trial, at_start):
    seen, details = [], []
    with Network(trial) as network:
        inner = inside(trial, network.clients[0])
        for version in VERSIONS:
            network.mount(version)
            expected, words, detail = stalled(
                inner, EXPORTED / f"run-{version}", network.server.stop, network.server.go_on,
                at_start, ranks=2)
            seen.append(words)
            details.append(f"version {version}: {detail}")
    return expected, tally(seen), "; ".join(details)


@case("nfs", "an NFS server that does not answer at rank 0's checkpoint", "two virtual machines; SIGSTOP to the server's, 2 ranks, --stall-timeout 5s; a hard mount of version 4.2, and of 3")
def nfs(trial):
    return nfs_stalled(trial, at_start=False)


@case("nfs-start", "an NFS server that does not answer when a run is gone on with", "as above, SIGSTOP before the start")
def nfs_start(trial):
    return nfs_stalled(trial, at_start=True)


@case("nfs-kill", "a rank is killed, on NFS", "SIGKILL to one of 2 ranks at a random time; goes on with 1 or 2; version 4.2, and 3")
def nfs_kill(trial):
    seen = []
    with Network(trial) as network:
        lab = inside(trial, network.clients[0]).lab
        for version in VERSIONS:
            network.mount(version)
            run = EXPORTED / f"run-{version}"
            job = lab.start_ranks(run, 2, 300)
            ranks = lab.wait_for_ranks(run, 2)
            lab.wait_for_checkpoint(run, 5)
            time.sleep(trial.random.uniform(0, 5))
            lab.kill(trial.random.choice(ranks))
            result = job.wait(60)
            went_on = lab.goes_on(run, 300, trial.random.choice([1, 2]))
            seen.append(f"status {result.status}, {lab.left(run)}, {went_on}")
    return "status 75, no process left, same bits", tally(seen), ""


@case("nfs-restart", "an NFS server loses its power and comes back while a run goes", "SIGKILL to the server's virtual machine behind the second checkpoint, and a boot; 2 ranks; version 4.2, and 3")
def nfs_restart(trial):
    seen, seconds = [], []
    with Network(trial) as network:
        lab = inside(trial, network.clients[0]).lab
        for version in VERSIONS:
            network.mount(version)
            run = EXPORTED / f"run-{version}"
            job = lab.start_ranks(run, 2, 300)
            lab.wait_for_checkpoint(run, 10)
            begin = time.monotonic()
            network.restart()
            seconds.append(time.monotonic() - begin)
            result = job.wait()
            seen.append(f"status {result.status}, {lab.bits(run, 300)}")
            if result.status:
                seen[-1] += f" ({' '.join(result.errors.split())[-300:]})"
    return "status 0, same bits", tally(seen), f"away for {max(seconds):.0f} s"


def bytes_of(run):
    """What a run's files have, but for the lease."""
    return {path.relative_to(run): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in run.rglob("*") if path.is_file() and path.name != "lock"}


@case("nfs-second-job", "a second job on another client of NFS, while the first one is at work, and when it is cut off", "three virtual machines, version 3 without locks, and 4.2; the first client's cable out, and in again once the second job is done")
def nfs_second_job(trial):
    seen, details = [], []
    with Network(trial, clients=2, cores=1) as network:
        labs = [inside(trial, guest).lab for guest in network.clients]
        # A client would show what it remembers.
        disk = inside(trial, network.server).lab
        for version in reversed(VERSIONS):
            network.mount(version)
            run = EXPORTED / f"run-{version}"
            words = labs[0].words(run, 1500)
            first = labs[0].start(words)
            labs[0].wait_for_checkpoint(run, 10)
            refused = labs[1].start(words).wait()
            holder = "holder named" if any(
                "in use by process" in line and "on client0 " in line for line in refused.reasons) else "?"
            network.cable(0, "down")
            # A server with locks keeps the first one's for its lease, and a job is refused until then.
            end, refusals = time.monotonic() + 15 * GRACE, 0
            second = labs[1].start(words).wait()
            while second.says("in use by") and time.monotonic() < end:
                refusals += 1
                time.sleep(GRACE / 2)
                second = labs[1].start(words).wait()
            before = bytes_of(disk.view(f"/disk/exported/{run.name}"))
            is_held = first.failure is None and not first.ended.is_set()
            network.cable(0, "up")
            late = first.wait()
            after = bytes_of(disk.view(f"/disk/exported/{run.name}"))
            fenced = "fenced" if any("taken over by" in line for line in late.reasons) else "?"
            wrote = "nothing written" if before == after else "something written: " + ", ".join(
                sorted(str(path) for path in {*before, *after} if before.get(path) != after.get(path)))
            seen.append(
                f"second: {verdict(refused)}, {holder}; cut off: status {second.status}, "
                f"{labs[1].bits(run, 1500)}; first, back: {verdict(late)}, {fenced}, {wrote}")
            told = re.findall(r"waiting \d+ s for a sign of life", second.errors + second.output)
            details.append(
                f"version {version}: refused after {refused.seconds:.0f} s; cut off: refused {refusals} "
                f"times, then {told[0] if told else 'no wait'}, done after {second.seconds:.0f} s"
                + ("" if is_held else "; the first had ended"))
    return (
        "second: status 1, 1 line, holder named; cut off: status 0, same bits; first, back: status 1, "
        "1 line, fenced, nothing written", tally(seen), "; ".join(details),
    )


# ---- the power -----------------------------------------------------------------------------------


def damaged(run):
    """How many checkpoints that have `DONE`, or that `latest` leads to, are not as `DONE` says."""
    folders = {path.parent.resolve() for path in run.glob("checkpoints/step-*/DONE")}
    if (run / "checkpoints/latest").is_symlink():
        folders.add((run / "checkpoints" / os.readlink(run / "checkpoints/latest")).resolve())
    count = 0
    for folder in folders:
        try:
            for line in (folder / "DONE").read_text().splitlines()[:-1]:
                check, size, name = line.split(" ", 2)
                data = (folder / name).read_bytes()
                count += len(data) != int(size) or zlib.crc32(data) != int(check, 16)
        except OSError:
            count += 1
    return count


def cuts(trial, command, modules, options, number):
    """Cuts the power of a machine whose run saves at each iteration, again and again.

    Its disk is a qcow2 image over what is left from the time before: what has not been flushed is
    lost with QEMU, as a disk's own cache is, and in another order than it was written.
    """
    need("qemu-img", command[0])
    disk, layer = image(trial, f"{command[0]}-{number}.raw", 512), trial.folder / "layer.qcow2"
    make(command, disk)
    run, reported, iterations = Path("/disk/run"), 0, 100 * number
    lost, broken, starts = 0, 0, []
    for turn in range(number + 1):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk, layer], check=True)
        with Guest(trial, "one", [layer], cores=2) as guest:
            lab = inside(trial, guest).lab
            guest.load("virtio_blk", *modules)
            guest.shell(f"mkdir -p /disk; mount -o {options} /dev/vda /disk; touch /disk/here")
            if guest.shell("[[ ! -e /disk/run ]] || echo there"):
                broken += damaged(lab.view(run))
            words = lab.words(run, iterations, "output.checkpointEvery=1 iterations", "--verbose")
            if turn == number:
                seen = lab.goes_on(run, iterations, 1)
                break
            job = lab.start(words)
            # The first cut comes while the run begins, if it does; the others while it saves.
            if turn:
                job.waits_for("wrote ", 60)
            time.sleep(trial.random.uniform(0, 5))
            guest.cut()
            text = job.texts["output"] + job.texts["errors"]
            begun = re.search(r"going on after iteration (\d+)", text)
            starts.append(int(begun[1]) if begun else 0)
            lost += starts[-1] < reported
            lost += "skipped a damaged" in text
            reported = max([reported, *map(int, re.findall(r"wrote \S*/step-0*(\d+) in", text))])
        subprocess.run(["qemu-img", "commit", "-q", layer], check=True)
    seen = f"{lost or 'none'} lost, {broken or 'none'} damaged, {seen}"
    return "none lost, none damaged, same bits", seen, f"{number} cuts, went on from {starts}"


@case("power-cut", "the power of the machine of rank 0 is cut", "SIGKILL to its virtual machine at random times, a checkpoint each iteration; ext4, commit=60; what the disk had not been told to flush is lost")
def power_cut(trial):
    return cuts(trial, ["mkfs.ext4", "-q", "-F"], ["ext4"], "commit=60", 2 * trial.options.rounds)


@case("power-cut-others", "the same on other file systems", "as above; ext4 with data=writeback, XFS, Btrfs")
def power_cut_others(trial):
    kinds = [
        (["mkfs.ext4", "-q", "-F"], ["ext4"], "commit=60,data=writeback"),
        (["mkfs.xfs", "-q", "-f"], ["xfs"], "defaults"),
        (["mkfs.btrfs", "-q", "-f"], ["btrfs"], "commit=60"),
    ]
    seen, details = [], []
    for command, modules, options in kinds:
        expected, words, detail = cuts(trial, command, modules, options, trial.options.rounds)
        seen.append(words)
        details.append(f"{modules[0]}: {detail}")
    return expected, tally(seen), "; ".join(details)


# ---- quotas --------------------------------------------------------------------------------------


@case("quota-disk", "a user's quota on ext4 has no room for a checkpoint, or not for the next", "a virtual machine, setquota with a hard limit of 100 kB; of room for the first checkpoints; of none")
def quota_disk(trial):
    need("setquota", "mkfs.ext4", "setpriv")
    disk, run = image(trial, "disk"), Path("/disk/home/run")
    make(["mkfs.ext4", "-q", "-F", "-O", "quota"], disk)
    with Guest(trial, "one", [disk], cores=2) as guest:
        lab = inside(trial, guest).lab
        guest.load("virtio_blk", "ext4", "quota_v2")
        guest.shell("mkdir -p /disk; mount -o usrquota /dev/vda /disk\n"
                    "mkdir /disk/home; chown 1000:1000 /disk/home")

        def limit(kilobytes):
            guest.shell(f"setquota -u 1000 0 {kilobytes} 0 0 /disk")

        def user(*words):
            # Root may write beyond any limit.
            return lab.start(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", *words],
                             HOME="/disk/home", TMPDIR="/dev/shm").wait()

        words = lab.words(run)
        asked = ["--run", run, *words[5:]]
        limit(100)
        doctor = user(lab.program, "doctor", "--launch", *asked)
        start = user(lab.program, "train", "--dry-run", *asked)
        told = [
            "told" if re.search(r"10\d\.\d kB by quota", doctor.output) else doctor.output,
            "told" if any("are free by quota" in line for line in start.warnings) else start.errors,
        ]
        limit(600)
        full = user(*words)
        named = "named" if any("quota exceeded" in line for line in full.reasons) else "?"
        limit(0)
        again = user(*words)
        begun = re.search(r"going on after iteration (\d+)", again.output)
        return (
            "doctor: status 1, told; start: told; full: status 1, 1 line, named; raised: status 0, "
            "same bits",
            f"doctor: status {doctor.status}, {told[0]}; start: {told[1]}; full: {verdict(full)}, "
            f"{named}; raised: status {again.status}, {lab.bits(run)}",
            f"went on from {begun[1] if begun else 'the begin'}",
        )
