"""Cases of machines that are not alike, which a start or `doctor --launch` has to find."""

import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

from lab import LOAD, MACHINES, ROOT, need
from registry import case

NAMES = ["m1", "m2", "m3", "m4"]
CONFIG = ROOT / "configs/glyphs.yaml"


class Hosts:
    """Four pretend machines, of which m3 can be given other files under the same path."""

    def __init__(self, trial):
        self.lab, self.folder = trial.lab, trial.folder
        self.program = self.folder / "wgangp-dist"
        self.config = self.folder / "glyphs.yaml"
        shutil.copy2(self.lab.program, self.program)
        shutil.copy2(CONFIG, self.config)

    def __enter__(self):
        self.lab.boot_machines(len(NAMES))
        return self

    def __exit__(self, *_):
        self.lab.machines("down")

    def replace(self, path, other):
        """On m3 another file or folder stands in a path's place."""
        self.lab.machines("on", "m3", "mount", "--bind", str(other), str(path))

    def run(self, *words):
        """The program with a rank on each machine."""
        return self.lab.start(
            [MACHINES, "on", "m1", "mpirun", "-n", "4", "--bind-to", "none", "--hostfile",
             self.lab.hostfile(*NAMES), self.program, *words],
            OMPI_MCA_pml="ob1", OMPI_MCA_btl="tcp,self", OMPI_MCA_btl_tcp_if_include="eth0",
            OMPI_MCA_plm_rsh_agent=str(ROOT / "Tests/cluster/agent.sh"))

    def words(self, command, *more):
        return [*command, "--config", self.config, "--run", self.folder / "run",
                "training.iterations=20", *LOAD, *more]

    def start(self, *more):
        """How a start of `train` ended, and the line that says why."""
        result = self.run(*self.words(["train"], *more)).wait()
        return f"start: status {result.status}, " + named(result.errors, result)

    def doctor(self, *more):
        result = self.run(*self.words(["doctor", "--launch"], *more)).wait()
        lines = [line for line in result.output.splitlines() if "in the way: rank" in line]
        return f"doctor: status {result.status}, " + named("\n".join(lines), result)


def named(text, result):
    """`m3 named` where a text says that the rank on m3 is the odd one."""
    match = re.search(r"rank 2 on m3 has (another program|other data|another configuration)", text)
    others = re.search(r"rank [013] on m[124] (has|takes)", text)
    if match and not others:
        return f"m3 has {match.group(1)}"
    if "rank 2: the configuration differs" in text:
        return "m3 has another configuration"
    return " ".join((result.output + result.errors).split())[-400:]


@case("other-program", "a machine has another program", "on one of 4 pretend machines a copy with one byte more")
def other_program(trial):
    with Hosts(trial) as hosts:
        other = trial.folder / "other"
        shutil.copy2(hosts.program, other)
        with open(other, "ab") as file:
            file.write(b"x")
        hosts.replace(hosts.program, other)
        what = "m3 has another program"
        return (
            f"start: status 1, {what}; doctor: status 1, {what}",
            f"{hosts.start()}; {hosts.doctor()}", "",
        )


@case("other-data", "a machine has other data", "IDX files of 600 images; on one of 4 pretend machines a pixel of one of them is another")
def other_data(trial):
    def images(folder, pixel):
        folder.mkdir()
        count = 600
        head = b"".join(number.to_bytes(4, "big") for number in (0x803, count, 28, 28))
        values = bytearray(bytes(range(256)) * (count * 784 // 256 + 1))[:count * 784]
        values[800] = pixel
        (folder / "train-images-idx3-ubyte").write_bytes(head + values)

    with Hosts(trial) as hosts:
        data, other = trial.folder / "data", trial.folder / "other"
        images(data, 0)
        images(other, 1)
        hosts.replace(data, other)
        source = f"data={{source: idx, path: {data}}}"
        what = "m3 has other data"
        return (
            f"start: status 1, {what}; doctor: status 1, {what}",
            f"{hosts.start(source)}; {hosts.doctor(source)}", "",
        )


@case("other-configuration", "a machine has another configuration", "on one of 4 pretend machines the file has another learning rate")
def other_configuration(trial):
    with Hosts(trial) as hosts:
        other = trial.folder / "other.yaml"
        text = hosts.config.read_text()
        other.write_text(text.replace("learningRate: 5.0e-4", "learningRate: 5.1e-4", 1))
        hosts.replace(hosts.config, other)
        what = "m3 has another configuration"
        return (
            f"start: status 1, {what}; doctor: status 1, {what}",
            f"{hosts.start()}; {hosts.doctor()}", "",
        )


@case("shared-core", "four ranks are bound to one core", "taskset for each rank, while other cores are idle")
def shared_core(trial):
    need("taskset")
    lab = trial.lab
    cores = sorted(os.sched_getaffinity(0))
    launch = ["mpirun", "-n", "4", "--oversubscribe", "--bind-to", "none", "taskset", "-c",
              str(cores[0]), lab.program]
    words = ["--config", CONFIG, "--run", trial.run(), "training.iterations=20", *LOAD]
    text = f"ranks 0-3 share core {cores[0]} on "
    start = lab.start([*launch, "train", "--dry-run", *words]).wait()
    doctor = lab.start([*launch, "doctor", "--launch", *words]).wait()
    told = [
        "told" if text in output else " ".join(output.split())[-300:]
        for output in (start.errors, doctor.output)
    ]
    return (
        "start: status 0, told; doctor: status 0, told",
        f"start: status {start.status}, {told[0]}; doctor: status {doctor.status}, {told[1]}", "",
    )


@case("slow-host", "a machine is slower than the others", "one of 4 pretend machines: its rank is stopped three quarters of the time")
def slow_host(trial):
    with Hosts(trial) as hosts:
        lab, over = trial.lab, threading.Event()

        def slow():
            ranks = []
            while not over.is_set():
                # The search takes longer than a stop.
                if not ranks:
                    ranks = lab.on_machine("m3", lab.processes(str(hosts.program), "wgangp-dist"))
                for what, seconds in ((signal.SIGSTOP, 0.03), (signal.SIGCONT, 0.01)):
                    for number in ranks:
                        lab.kill(number, what)
                    time.sleep(seconds)

        thread = threading.Thread(target=slow, daemon=True)
        thread.start()
        try:
            # Iterations that are long beside a stop: the best of three counts.
            result = hosts.run(*hosts.words(
                ["doctor", "--launch"], "width=16", "training.batch=64")).wait()
        finally:
            over.set()
            thread.join()
        match = re.search(r"note: rank 2 on m3 takes ([\d.]+) times as long as the median", result.output)
        seen = "m3 named" if match else " ".join((result.output + result.errors).split())[-500:]
        return (
            "status 0, m3 named", f"status {result.status}, {seen}",
            f"{match.group(1)} times the median" if match else "",
        )
