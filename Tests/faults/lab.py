"""What the cases of faults.py and soak.py are made of: runs, their processes, their bytes."""

import csv
import filecmp
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MACHINES = ROOT / "Tests/cluster/machines.sh"
HOSTS = ROOT / "launch/hosts.sh"
# A run of a second or two, which saves twelve times and draws three pictures.
LOAD = [
    "width=4",
    "training.batch=16",
    "output.checkpointEvery=5 iterations",
    "output.sampleEvery=20 iterations",
]


class Skipped(Exception):
    """A case that cannot be tried here, and why."""


def need(*commands, root=False):
    """Raises `Skipped` where a command is missing, or root's rights."""
    if root and os.geteuid() != 0:
        raise Skipped("needs root")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for command in commands:
        if shutil.which(command, path=path) is None:
            raise Skipped(f"{command} is missing")


class Result:
    """How a command ended."""

    def __init__(self, status, output, errors, seconds):
        # A signal's number as a shell has it.
        self.status = 128 - status if status < 0 else status
        self.output, self.errors, self.seconds = output, errors, seconds

    @property
    def reasons(self):
        """The program's lines that say why it ended."""
        return [line for line in self.errors.splitlines() if line.startswith("wgangp-dist: error:")]

    @property
    def warnings(self):
        return [
            line
            for line in self.errors.splitlines()
            if line.startswith("wgangp-dist: warning:") and "nearly all the same" not in line
        ]

    def says(self, text):
        return text in self.errors or text in self.output


class Job:
    """A command that runs, in a process group of its own."""

    def __init__(self, words, environment, folder):
        self.begin = time.monotonic()
        self._files = [tempfile.TemporaryFile(dir=folder) for _ in range(2)]
        self.process = subprocess.Popen(
            [str(word) for word in words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
        )

    def waits_for(self, text, seconds):
        """Waits until the errors have a text; whether they do."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text.encode() in os.pread(self._files[1].fileno(), 1 << 20, 0):
                return True
            time.sleep(0.05)
        return False

    def wait(self, seconds=180):
        """Its end; what does not end in time is killed and has status 124, as `timeout` says."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            status = 124
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return Result(status, *texts, time.monotonic() - self.begin)

    def end(self):
        """Kills its process group, and what launch/launcher.sh has started in a group of its own."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for number in children.read_text().split() if children.exists() else []:
            Lab.kill(int(number))
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass


class Lab:
    """A folder for runs, and the program that is tried."""

    load = LOAD

    def __init__(self, seed, keeps=False):
        self.program = Path(os.environ.get("PROGRAM", ROOT / ".build/release/wgangp-dist")).resolve()
        if not os.access(self.program, os.X_OK):
            raise SystemExit(f"faults: {self.program}: no program: swift build -c release")
        self.seed = seed
        self.keeps = keeps
        self.work = Path(tempfile.mkdtemp(prefix="wgangp-faults."))
        # What mpirun leaves behind is to be seen, and goes with the folder.
        (self.work / "tmp").mkdir()
        self.environment = dict(
            os.environ,
            OMPI_ALLOW_RUN_AS_ROOT="1",
            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
            OMPI_MCA_mpi_yield_when_idle="1",
            BIND="none",
            PROGRAM=str(self.program),
            TMPDIR=str(self.work / "tmp"),
            MACHINES=str(self.work / "machines"),
        )
        self._lock = threading.Lock()

    def close(self):
        if self.keeps:
            print(f"faults: the runs are in {self.work}")
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    # ---- runs --------------------------------------------------------------------------------

    def words(self, run, iterations=60, *more):
        return [
            self.program, "train", "--run", run, "--continue", f"training.iterations={iterations}",
            *self.load, *more,
        ]

    def start(self, words, **environment):
        return Job(words, dict(self.environment, **environment), self.work)

    def start_ranks(self, run, ranks, iterations=60, *more, hostfile="", **environment):
        """As a user does on several ranks: by launch/hosts.sh."""
        return self.start(
            [HOSTS, f"training.iterations={iterations}", *self.load, *more],
            RUN=str(run), RANKS=str(ranks), HOSTFILE=str(hostfile), **environment,
        )

    def train(self, run, iterations=60, ranks=1, *more):
        if ranks == 1:
            return self.start(self.words(run, iterations, *more)).wait()
        return self.start_ranks(run, ranks, iterations, *more).wait()

    def reference(self, iterations):
        """The folder of an undisturbed run."""
        run = self.work / f"reference-{iterations}"
        with self._lock:
            if not (run / "checkpoints/latest/DONE").exists():
                result = self.train(run, iterations)
                if result.status != 0:
                    raise SystemExit(f"faults: the undisturbed run failed: {result.errors}")
        return run

    # ---- judgements --------------------------------------------------------------------------

    def view(self, run):
        """Where a run can be looked at; virtual.py copies it."""
        return Path(run)

    def bits(self, run, iterations=60):
        """Whether tensors and rows are those of the undisturbed run."""
        reference = self.reference(iterations) / "checkpoints/latest"
        run = self.view(run)
        latest = run / "checkpoints/latest"
        for file in sorted(reference.glob("*.safetensors")):
            other = latest / file.name
            if not other.exists():
                return f"{file.name} is missing"
            if not filecmp.cmp(file, other, shallow=False):
                return f"other bits in {file.name}"
        with open(run / "metrics.csv", newline="") as file:
            rows = [row[0] for row in csv.reader(file)][1:]
        if rows != [str(number) for number in range(1, iterations + 1)]:
            return f"same bits, but {len(rows)} rows of metrics.csv"
        return "same bits"

    def goes_on(self, run, iterations=60, ranks=1, *more):
        """Goes on to the end by the same command, and compares."""
        result = self.train(run, iterations, ranks, *more)
        if result.status != 0:
            return f"status {result.status}: {' '.join(result.errors.split())[:300]}"
        folder = self.view(run) / "checkpoints"
        left = [path.name for path in folder.iterdir() if path.name[0] == "."]
        rest = f", {len(left)} temporary left" if left else ""
        return self.bits(run, iterations) + rest

    # ---- processes ---------------------------------------------------------------------------

    @staticmethod
    def processes(text, name=None):
        """The numbers of processes whose command line has `text`, by number."""
        found = []
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            try:
                words = Path(entry.path, "cmdline").read_bytes().split(b"\0")
                if Path(entry.path, "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
            except (OSError, IndexError):
                continue
            if text.encode() not in b" ".join(words):
                continue
            if name is None or os.path.basename(words[0].decode(errors="replace")) == name:
                found.append(int(entry.name))
        return sorted(found)

    def ranks(self, run):
        return self.processes(str(run), self.program.name)

    def wait_for_ranks(self, run, count, seconds=20):
        """The numbers of a run's ranks as soon as the run has begun."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.ranks(run)
            if len(found) >= count and (Path(run) / "run.log").exists():
                return found
            time.sleep(0.01)
        return self.ranks(run)

    def wait_for_checkpoint(self, run, step=1, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            names = [path.name for path in (Path(run) / "checkpoints").glob("step-*")]
            if any(int(name[5:]) >= step for name in names):
                return True
            time.sleep(0.01)
        return False

    def left(self, run, seconds=12):
        """Whether a run's processes are gone; those that are not are killed, by their numbers."""
        end = time.monotonic() + seconds
        while True:
            found = self.processes(str(run))
            if not found:
                return "no process left"
            if time.monotonic() > end:
                shown = [f"{self.shown(number)}" for number in found]
                for number in found:
                    self.kill(number)
                return f"{len(found)} processes left after {seconds} s: {'; '.join(shown)}"
            time.sleep(0.1)

    @staticmethod
    def shown(number):
        """A process as a line: its state and the begin of its command."""
        try:
            state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
            words = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            return f"{state} {words[:60]}"
        except OSError:
            return "gone"

    @staticmethod
    def kill(number, what=signal.SIGKILL):
        try:
            os.kill(number, what)
        except ProcessLookupError:
            pass

    # ---- machines ----------------------------------------------------------------------------

    def machines(self, *words, **more):
        """Tests/cluster/machines.sh."""
        return subprocess.run(
            [MACHINES, *words], env=self.environment, check=True, capture_output=True, text=True,
            **more,
        ).stdout.strip()

    def boot_machines(self, count):
        need("ip", "nsenter", "unshare", "mpirun", root=True)
        try:
            subprocess.run(["unshare", "--net", "--pid", "--fork", "true"], check=True,
                           capture_output=True)
        except subprocess.CalledProcessError:
            raise Skipped("namespaces are not allowed here") from None
        self.machines("up", str(count))

    def hostfile(self, *names):
        path = self.work / ("hosts-" + "-".join(names))
        path.write_text("".join(f"{name} slots=1\n" for name in names))
        return path

    def start_on_machines(self, run, names, iterations=60, *more, **environment):
        """launch/hosts.sh on m1, with a rank on each machine."""
        return self.start(
            [MACHINES, "on", "m1", HOSTS, f"training.iterations={iterations}", *LOAD, *more],
            RUN=str(run), HOSTFILE=str(self.hostfile(*names)), RANKS=str(len(names)),
            OMPI_MCA_pml="ob1", OMPI_MCA_btl="tcp,self", OMPI_MCA_btl_tcp_if_include="eth0",
            OMPI_MCA_plm_rsh_agent=str(ROOT / "Tests/cluster/agent.sh"), **environment,
        )

    def on_machine(self, name, numbers):
        """Those of the processes that run on a machine."""
        space = os.readlink(f"/proc/{self.machines('pid', name)}/ns/net")
        found = []
        for number in numbers:
            try:
                if os.readlink(f"/proc/{number}/ns/net") == space:
                    found.append(number)
            except OSError:
                pass
        return found
