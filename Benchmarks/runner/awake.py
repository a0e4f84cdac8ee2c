"""Keeps the processors from going to sleep, for what else runs on them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

# Gives way to everything, and ends with its parent: the pipe to its standard input breaks.
SPIN = """
import os, select, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while True:
    for _ in range(1_000_000): pass
    if select.select([0], [], [], 0)[0]: break
"""


@contextlib.contextmanager
def processors_awake() -> Iterator[None]:
    """One loop a processor under SCHED_IDLE.

    A processor of a virtual machine that sleeps is woken by its host, which takes longer than a call.
    """
    spinners = [
        subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.PIPE)
        for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.stdin.close()
        for spinner in spinners:
            spinner.wait()
