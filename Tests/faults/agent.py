"""Runs in a virtual machine of virtual.py: commands come and answers go by a virtio-serial port.

A request is a line of JSON: `words` with an `environment` are started, and their lines are sent as
they come; `method` with `arguments` is one of `Lab`, here.
"""

import glob
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from lab import Lab

LAB = Lab.__new__(Lab)
LAB.program = Path(sys.argv[1])
PORT = os.open(glob.glob("/dev/vport*p1")[0], os.O_RDWR)
LOCK = threading.Lock()


def send(**answer):
    data = json.dumps(answer).encode() + b"\n"
    with LOCK:
        while data:
            data = data[os.write(PORT, data):]


def run(number, words, environment):
    process = subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True)

    def hand_on(name, pipe):
        for line in pipe:
            send(id=number, **{name: line.decode(errors="replace")})

    pipes = [("output", process.stdout), ("errors", process.stderr)]
    readers = [threading.Thread(target=hand_on, args=pair, daemon=True) for pair in pipes]
    for reader in readers:
        reader.start()
    status = process.wait()
    # What a killed process has left may hold its pipes.
    for reader in readers:
        reader.join(2)
    return status


def answer(request):
    number = request["id"]
    try:
        if "words" in request:
            value = run(number, request["words"], request["environment"])
        else:
            value = getattr(LAB, request["method"])(*request["arguments"])
        send(id=number, value=value)
    except Exception as error:  # whatever it is, the other side says it
        send(id=number, failure=f"{type(error).__name__}: {error}")


send(id=0, value="ready")
rest = b""
while True:
    data = os.read(PORT, 1 << 16)
    if not data:
        time.sleep(0.05)
    *lines, rest = (rest + data).split(b"\n")
    for line in lines:
        threading.Thread(target=answer, args=[json.loads(line)], daemon=True).start()
