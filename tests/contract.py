"""The contract of all meters: every route to memory, taken by a process of its own, and what must be seen of it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograde.types import Measurement, from_json

MIB = 2**20
#: What an honest measurement may tell of nothing.
SMALL = 8 * MIB

PROGRAM = """\
import gc, mmap, os, sys, threading, time
from pathlib import Path

import numpy as np

from autograde import ceiling, measure
from autograde.types import to_json

MIB = 2**20
folder = Path(sys.argv[1])
WITH_CHILD = "import numpy as np; a = np.ones(128 * 2**20, np.uint8); print(1, flush=True); input()"

def work():
{work}

{before}

if __name__ == "__main__":
    with measure() as block:
        work()
    print(to_json(block.measurement))
"""


def measured(folder: Path, work: str, *, before: str = "") -> Measurement:
    """What `measure()` says of `work`, the body of a function, in a fresh process; `before` runs outside of the block."""
    before = textwrap.dedent(before)
    if "folder" in work and work in NOT_COUNTED.values():
        before += f"\nif __name__ == '__main__':\n{textwrap.indent(textwrap.dedent(FILE), '    ')}"
    script = folder / "program.py"
    script.write_text(PROGRAM.format(work=textwrap.indent(textwrap.dedent(work), "    "), before=before))
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return from_json(Measurement, done.stdout.splitlines()[-1])


def about(size_mib: float) -> object:
    return pytest.approx(size_mib * MIB, rel=0.05)


COUNTED = {
    "an array of ones": "a = np.ones(256 * MIB, np.uint8)",
    "zeros that are touched": "a = np.zeros(256 * MIB, np.uint8); a[::4096] = 1",
    "memory that is freed before the end": "a = np.ones(256 * MIB, np.uint8); del a; gc.collect()",
    "bytes": "a = b'x' * (256 * MIB)",
    "an anonymous map": "m = mmap.mmap(-1, 256 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON); m[::4096] = b'x' * 65536",
    "an anonymous shared map": "m = mmap.mmap(-1, 256 * MIB); m[::4096] = b'x' * (256 * MIB // 4096)",
    "a private map that is written to": """
        path = folder / "file"
        with path.open("wb") as file:
            file.truncate(256 * MIB)
        with path.open("r+b") as file:
            m = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        m[::4096] = b"x" * (256 * MIB // 4096)
    """,
    "multiprocessing.shared_memory": """
        from multiprocessing import shared_memory
        shared = shared_memory.SharedMemory(create=True, size=256 * MIB)
        shared.buf[::4096] = b"x" * (256 * MIB // 4096)
        shared.unlink()
        globals()["kept"] = shared  # with its child, the resource tracker, only the poll sees it: until the end
    """,
    "many small Python objects": "a = [bytes(479) for _ in range(512 * 1024 * 248 // 256)]",  # and 8 MiB of list, less 4
    "threads": """
        kept = []
        threads = [threading.Thread(target=lambda: kept.append(np.ones(64 * MIB, np.uint8))) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """,
}


FILE = """
    kept = []  # mapped until the end of the block, so that the last reading sees it
    path = folder / "file"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"x" * MIB)
"""
NOT_COUNTED = {
    "an empty array that nobody touches": "a = np.empty(1024 * MIB, np.uint8)",
    "zeros that nobody touches": "a = np.zeros(1024 * MIB, np.uint8)",
    "a memory map that is scanned": """
        a = np.memmap(folder / "file", np.uint8, "r")
        assert a.max() == 120
        kept.append(a)
    """,
    "a file that is read in blocks": """
        with (folder / "file").open("rb") as file:
            while file.read(MIB): pass
    """,
    "a file that is written in blocks": """
        with (folder / "other").open("wb") as file:
            for _ in range(64): file.write(b"x" * MIB)
    """,
    "a shared map of a file that is written": """
        a = np.memmap(folder / "file", np.uint8, "r+")
        a[::4096] = 3
        kept.append(a)
    """,
    "nothing at all": "pass",
}
