#!/usr/bin/env python3
"""Gives a pretend machine of machines.sh a cable with a bandwidth and a delay, until it is ended.

  Tests/cluster/cable.py m2 --gbit 1 --delay-ms 0.1 &

The machine's veth pair becomes two taps, between which this program carries the frames: a frame leaves when those before it are
through (bits / bandwidth) and arrives a delay later. Frames are whole segments of TCP (up to 64 kB), as between cards that cut
them by themselves, so that a core carries some 10 Gbit/s. Prints "up" when the cable is there. Needs root; Linux may lack netem.
"""
import argparse
import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

STATE = os.environ.get('MACHINES', '/tmp/wgangp-machines')
TUNSETIFF, TUNSETOFFLOAD, TAP, NO_PI, VNET_HDR = 0x400454CA, 0x400454D0, 0x2, 0x1000, 0x4000
CHECKSUM, SEGMENTS4, SEGMENTS6 = 1, 2, 4
CLONE_NEWNET, PR_SET_TIMERSLACK = 0x40000000, 29
LIBC = ctypes.CDLL(None, use_errno=True)


def namespace(name):
    """The process whose network is the machine's."""
    return open(f'{STATE}/{name}.pid').read().strip()


def tap(process, name):
    """A new tap in the network of a process."""
    with open(f'/proc/{process}/ns/net') as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')
    made = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(made, TUNSETIFF, struct.pack('16sH22x', name.encode(), TAP | NO_PI | VNET_HDR))
    fcntl.ioctl(made, TUNSETOFFLOAD, CHECKSUM | SEGMENTS4 | SEGMENTS6)
    return made


def ip(process, *words):
    done = subprocess.run(['nsenter', '-t', process, '-n', '--', 'ip', *words], check=True, capture_output=True, text=True)
    return done.stdout.split()


class Direction:
    def __init__(self, source, target, seconds_a_byte, delay):
        self.source, self.target, self.seconds_a_byte, self.delay = source, target, seconds_a_byte, delay
        self.free, self.frames = 0.0, collections.deque()

    def take(self):
        for _ in range(64):
            try:
                frame = os.read(self.source, 1 << 17)
            except BlockingIOError:
                return
            self.free = max(time.monotonic(), self.free) + len(frame) * self.seconds_a_byte
            self.frames.append((self.free + self.delay, frame))

    def give(self):
        while self.frames and self.frames[0][0] <= time.monotonic():
            try:
                os.write(self.target, self.frames.popleft()[1])
            except OSError:  # the far end is down: the frame is lost, as on any cable
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('machine')
    parser.add_argument('--gbit', type=float, default=0, help='bandwidth each way, Gbit/s (0: as fast as this program is)')
    parser.add_argument('--delay-ms', type=float, default=0, help='of each way')
    options = parser.parse_args()
    LIBC.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    machine, switch = namespace(options.machine), namespace('switch')
    port, address = f'port{options.machine[1:]}', ip(machine, '-br', 'addr', 'show', 'eth0')[2]
    card = ip(machine, '-br', 'link', 'show', 'eth0')[2]
    ip(switch, 'link', 'del', port)  # the other end goes with it
    near, far = tap(machine, 'eth0'), tap(switch, port)
    ip(machine, 'link', 'set', 'eth0', 'address', card, 'up')
    ip(machine, 'addr', 'add', address, 'dev', 'eth0')
    ip(switch, 'link', 'set', port, 'master', 'bridge', 'up')
    print('up', flush=True)
    seconds_a_byte = 8e-9 / options.gbit if options.gbit else 0
    ways = [Direction(near, far, seconds_a_byte, options.delay_ms / 1e3), Direction(far, near, seconds_a_byte, options.delay_ms / 1e3)]
    while True:
        due = min((way.frames[0][0] for way in ways if way.frames), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([near, far], [], [], wait)
        for way in ways:
            if way.source in readable:
                way.take()
            way.give()


if __name__ == '__main__':
    sys.exit(main())
