"""Virtual machines with a kernel of Debian's, for what the host's kernel lacks: NFS, quotas, a power
that can be cut.

A machine has the host's files, read-only by 9p, with a file system in its memory above them that
takes what is written: programs are the host's, under the same paths. Commands go through agent.py.
Machines are joined by sockets in the case's folder; no other network is there.
"""

import copy
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

from lab import Lab, Result, Skipped, need

HERE = Path(__file__).resolve().parent
# A load that an emulated processor trains, 15 iterations a second.
SMALL = [
    "width=1", "training.batch=4", "training.shards=4", "training.criticSteps=1",
    "output.checkpointEvery=5 iterations", "output.sampleEvery=20 iterations",
]
# Modules for the root file system; the others come by modprobe.
FIRST = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"]
INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /lower /memory /root
/bin/busybox --install -s /bin
mount -t proc proc /proc
for word in $(cat /proc/cmdline); do case $word in machine.*) export "${word#machine.}" ;; esac; done
while read -r module; do insmod "/modules/$module"; done </modules/list
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /lower
mount -t tmpfs tmpfs /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work overlay /root
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
mkdir -p /root/dev/pts /root/dev/shm
ln -s /proc/self/fd /root/dev/fd
mount -t devpts devpts /root/dev/pts
mount -t tmpfs tmpfs /root/dev/shm
mount -t tmpfs tmpfs /root/run
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 shared "/root$shared"
echo "$name" >/proc/sys/kernel/hostname
echo "127.0.0.1 localhost $name" >/root/etc/hosts
# A shell stays as the first process, which reaps the orphans.
exec switch_root /root /bin/sh -c "ip link set lo up; '$python' '$agent' '$program'; reboot -f"
"""


class Kernel:
    """A kernel, its modules, and the initial file system."""

    _found = None

    def __init__(self, work):
        need("qemu-system-x86_64", "busybox", "modprobe", "depmod", "setpriv", root=True)
        self.root = Path(os.environ.get("KERNEL_ROOT", "/"))
        if not self._versions():
            self.root = work / "kernel"
            self._download()
        self.version = self._versions()[-1]
        self.image = self.root / f"boot/vmlinuz-{self.version}"
        if not (self.root / f"lib/modules/{self.version}/modules.dep").exists():
            subprocess.run(["depmod", "-b", self.root, self.version], check=True)
        self.initial = work / "initial.cpio"
        self._build(work / "initial")
        self.accelerations = ["tcg"]
        if os.access("/dev/kvm", os.W_OK):
            self.accelerations.insert(0, "kvm")

    @classmethod
    def find(cls, work):
        if cls._found is None:
            cls._found = cls(work)
        return cls._found

    def _versions(self):
        names = [path.name[8:] for path in (self.root / "boot").glob("vmlinuz-*")]
        return sorted(
            (name for name in names if (self.root / f"lib/modules/{name}").is_dir()),
            key=lambda name: [int(part) for part in re.findall(r"\d+", name)])

    def _download(self):
        """That which `linux-image-amd64` stands for, unpacked; nothing is installed."""
        self.root.mkdir()
        try:
            text = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], check=True,
                                  capture_output=True, text=True).stdout
            package = re.search(r"Depends: (linux-image-\S+)", text)[1]
            subprocess.run(["apt-get", "download", package], cwd=self.root, check=True,
                           capture_output=True)
            file = next(self.root.glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", file, self.root], check=True, capture_output=True)
        except (OSError, TypeError, StopIteration, subprocess.CalledProcessError):
            shutil.rmtree(self.root)
            raise Skipped("no kernel in /boot, and none by apt-get download (KERNEL_ROOT names "
                          "the folder of an unpacked one)") from None

    def _build(self, folder):
        for name in ("bin", "modules"):
            (folder / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), folder / "bin/busybox")
        modules = []
        for name in FIRST:
            lines = subprocess.run(
                ["modprobe", "-d", self.root, "-S", self.version, "--show-depends", name],
                check=True, capture_output=True, text=True).stdout.splitlines()
            modules += [words[1] for words in map(str.split, lines) if words[0] == "insmod"]
        modules = list(dict.fromkeys(modules))
        for path in modules:
            shutil.copy(path, folder / "modules")
        names = "".join(f"{os.path.basename(path)}\n" for path in modules)
        (folder / "modules/list").write_text(names)
        (folder / "init").write_text(INIT)
        (folder / "init").chmod(0o755)
        with open(self.initial, "wb") as file:
            subprocess.run("find . | busybox cpio -o -H newc", shell=True, cwd=folder, check=True,
                           stdout=file, stderr=subprocess.DEVNULL)


class GuestJob:
    """A command in a machine, as `lab.Job`; all waits are longer, as an emulated processor is slow."""

    PATIENCE = 5

    def __init__(self, begin):
        self.begin = begin
        self.texts = {"output": "", "errors": ""}
        self.ended = threading.Event()
        self.value = self.failure = None

    def take(self, answer):
        for name in self.texts:
            self.texts[name] += answer.get(name, "")
        if "value" in answer or "failure" in answer:
            self.value, self.failure = answer.get("value"), answer.get("failure")
            self.ended.set()

    def waits_for(self, text, seconds):
        end = time.monotonic() + seconds * self.PATIENCE
        while time.monotonic() < end and not self.has(text):
            if self.ended.wait(0.05):
                break
        return self.has(text)

    def has(self, text):
        return any(text in lines for lines in self.texts.values())

    def wait(self, seconds=180):
        is_ended = self.ended.wait(seconds * self.PATIENCE)
        status = self.value if is_ended and self.failure is None else 124
        errors = self.texts["errors"] + (self.failure or "")
        return Result(status, self.texts["output"], errors, time.monotonic() - self.begin)


class Guest:
    """A machine. `disks` are its images, /dev/vda and so on; `links` its cables, (own, other)."""

    def __init__(self, trial, name, disks=(), links=(), cores=1, megabytes=1024):
        self.trial, self.name, self.disks, self.links = trial, name, disks, links
        self.cores, self.megabytes = cores, megabytes
        self.kernel = Kernel.find(trial.lab.work)
        self.shared = trial.folder / "shared"
        self.shared.mkdir(exist_ok=True)
        self.process = None
        self.boot()

    def boot(self):
        """Power on; whether KVM works is seen by trying."""
        for acceleration in list(self.kernel.accelerations):
            self._start(acceleration)
            # One that is fast is there in two seconds, and one that is not may never be.
            is_there = self.jobs[0].ended.wait(20 if acceleration == "kvm" else 300)
            if is_there and self.jobs[0].failure is None:
                return
            self.cut()
            self.kernel.accelerations.remove(acceleration)
        raise Skipped(f"no virtual machine begins here: see {self.name}.console")

    def _start(self, acceleration):
        folder, path = self.trial.folder, self.trial.folder / f"{self.name}.agent"
        path.unlink(missing_ok=True)
        values = {
            "name": self.name, "shared": self.shared, "python": sys.executable,
            "agent": HERE / "agent.py", "program": self.trial.lab.program,
        }
        line = " ".join(f"machine.{key}={value}" for key, value in values.items())
        # setpriv: however this process ends, the machine ends too.
        words = [
            "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-accel", acceleration, "-cpu",
            "host" if acceleration == "kvm" else "max", "-smp", self.cores, "-m", self.megabytes,
            "-kernel", self.kernel.image, "-initrd", self.kernel.initial,
            "-append", f"console=ttyS0 quiet panic=-1 {line}",
            "-serial", f"file:{folder / self.name}.console",
            "-device", "virtio-serial", "-chardev", f"socket,id=agent,path={path},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent", "-device", "virtio-rng-pci",
            "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-fsdev", f"local,id=shared,path={self.shared},security_model=none",
            "-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared",
        ]
        for disk in self.disks:
            kind = "qcow2" if disk.suffix == ".qcow2" else "raw"
            words += ["-drive", f"file={disk},format={kind},if=virtio,cache=writeback"]
        for number, (own, other) in enumerate(self.links):
            address = zlib.crc32(own.encode()).to_bytes(4, "big").hex(":")
            words += [
                "-netdev", f"dgram,id=n{number},local.type=unix,local.path={folder / own},"
                f"remote.type=unix,remote.path={folder / other}",
                "-device", f"virtio-net-pci,netdev=n{number},mac=52:54:{address}"]
        self.jobs = {0: GuestJob(time.monotonic())}
        self.numbers = itertools.count(1)
        log = open(folder / f"{self.name}.qemu", "ab")
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.socket = socket.socket(socket.AF_UNIX)
        while self.process.poll() is None:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.02)
        else:
            self.jobs[0].take({"failure": "ended"})
            return
        threading.Thread(target=self._read, args=[self.socket, self.jobs], daemon=True).start()

    @staticmethod
    def _read(connection, jobs):
        with connection.makefile("rb") as file:
            try:
                for line in file:
                    answer = json.loads(line)
                    jobs[answer["id"]].take(answer)
            except (OSError, ValueError):
                pass
        for job in list(jobs.values()):
            if not job.ended.is_set():
                job.take({"failure": "the machine is off"})

    def ask(self, **request):
        number = next(self.numbers)
        job = self.jobs[number] = GuestJob(time.monotonic())
        self.socket.sendall(json.dumps(dict(request, id=number)).encode() + b"\n")
        return job

    def start(self, words, environment=None):
        path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
        environment = dict(environment or {}, PATH=path)
        return self.ask(words=[str(word) for word in words], environment=environment)

    def shell(self, script, check=True, seconds=60):
        """The output of a script."""
        result = self.start(["bash", "-ec", script]).wait(seconds)
        if check and result.status != 0:
            raise RuntimeError(f"{self.name}: {script}: {result.status}: {result.errors[-500:]}")
        return result.output.strip()

    def load(self, *modules):
        kernel = self.kernel
        self.shell(f"modprobe -d '{kernel.root}' -S {kernel.version} -a {' '.join(modules)}")

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def cut(self):
        """The power is off, and what the machine had in its memory is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()


class GuestLab(Lab):
    """A lab whose runs are in a machine, and their undisturbed ones here."""

    load = SMALL

    def __init__(self, lab, guest):
        self.__dict__.update(lab.__dict__)
        self.guest, self.host = guest, copy.copy(lab)
        self.host.load, self.host.work = SMALL, lab.work / "small"
        self.host.work.mkdir(exist_ok=True)

    def start(self, words, **environment):
        mine = {key: value for key, value in self.environment.items()
                if key.startswith(("OMPI_", "BIND", "PROGRAM", "TMPDIR", "HOME"))}
        return self.guest.start(words, dict(mine, **environment))

    def reference(self, iterations):
        return self.host.reference(iterations)

    def view(self, run):
        """A copy of a run."""
        copied = self.guest.shared / f"copy-{time.monotonic_ns()}"
        self.guest.shell(f"cp -a '{run}' '{copied}'")
        return copied

    def call(self, method, *arguments, seconds=120):
        job = self.guest.ask(method=method, arguments=[
            str(value) if isinstance(value, Path) else value for value in arguments])
        job.ended.wait(seconds)
        if job.failure:
            raise RuntimeError(f"{self.guest.name}: {method}: {job.failure}")
        return job.value

    def processes(self, text, name=None):
        return self.call("processes", text, name) or []

    def wait_for_ranks(self, run, count, seconds=100):
        return self.call("wait_for_ranks", run, count, seconds)

    def wait_for_checkpoint(self, run, step=1, seconds=300):
        return self.call("wait_for_checkpoint", run, step, seconds, seconds=seconds + 60)

    def left(self, run, seconds=60):
        return self.call("left", run, seconds, seconds=seconds + 60)

    def kill(self, number, what=signal.SIGKILL):
        self.call("kill", number, int(what))


def inside(trial, guest):
    """The case's things, with the machine's lab."""
    inner = copy.copy(trial)
    inner.lab = GuestLab(trial.lab, guest)
    return inner
