"""`autograde doctor`: what this machine's meter sees of known amounts of memory, and what else may get in the way.

Each route by which a program gets memory is tried in a process of its own, which measures itself as a notebook does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import __version__, machine
from .bubblewrap import why_not
from .course import data_folder
from .errors import CourseError, JudgeError, MeterError
from .meters import default_meter
from .notebook import ceilings_in, read_notebook, rebuild
from .recording import import_memray
from .types import GIB, MIB, Measurement, format_bytes, from_json

__all__ = ["ROUTES", "Diagnosis", "Finding", "Route", "Seen", "diagnose"]

_SIZE = 64 * MIB
#: What an honest difference may be: pages of the interpreter, the recorder, a first call.
_TOLERATED = 4 * MIB
_ROUTE_SECONDS = 120
#: What notebooks may want at once.
_FREE_WANTED = 3 * GIB


@dataclass(frozen=True, slots=True)
class Route:
    """A way to get memory: Python code with `size` bytes and a `folder` to use, and whether it must be seen."""

    name: str
    code: str
    counts: bool
    posix: bool = False  # needs mmap flags or fork that Windows has not


ROUTES = (
    Route("an array of ones", "kept = np.ones(size, np.uint8)", True),
    Route("an array freed at once", "np.ones(size, np.uint8).sum()", True),
    Route("many small objects", "kept = [bytes(4063) for _ in range(size // 4096)]", True),
    Route(
        "four threads",
        (
            "def work(): parts.append(np.ones(size // 4, np.uint8))\n"
            "parts = []\n"
            "threads = [threading.Thread(target=work) for _ in range(4)]\n"
            "[thread.start() for thread in threads]; [thread.join() for thread in threads]"
        ),
        True,
    ),
    Route(
        "an anonymous shared map",
        "kept = mmap.mmap(-1, size); np.frombuffer(kept, np.uint8)[:] = 1; time.sleep(0.05)",
        True,
        posix=True,
    ),
    Route(
        "shared memory",
        "from multiprocessing import shared_memory\n"
        "kept = shared_memory.SharedMemory(create=True, size=size)\n"
        "try:\n"
        "    np.frombuffer(kept.buf, np.uint8)[:] = 1; time.sleep(0.05)\n"
        "finally:\n"
        "    kept.unlink()",
        True,
        posix=True,
    ),
    Route(
        "a child process",
        "code = f'import time; x = bytearray(b\"x\") * {size}; time.sleep(0.3)'\n"
        "subprocess.run([sys.executable, '-S', '-c', code], check=True)",
        True,
    ),
    Route("an array that nobody touches", "kept = np.empty(size, np.uint8)", False),
    Route("a memory map that is scanned", "int(np.memmap(folder / 'data', np.uint8, mode='r').sum())", False),
    Route(
        "a file read block by block",
        "with open(folder / 'data', 'rb') as file:\n    while file.read(2**16): pass",
        False,
    ),
)

_PROGRAM = """\
import mmap, subprocess, sys, threading, time, warnings
from pathlib import Path
import numpy as np
from autograde import measure
from autograde.types import to_json

warnings.simplefilter("ignore")
if sys.platform != "win32":
    from multiprocessing import resource_tracker
    resource_tracker.ensure_running()  # a process that shared memory would start
size, folder = int(sys.argv[1]), Path(sys.argv[2])
space = dict(globals())
code = compile(sys.argv[3], "<route>", "exec")
with measure() as block:
    exec(code, space)
print(to_json(block.measurement))
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the meter saw of one route."""

    route: str
    allocated_bytes: int  # that must be seen: 0 for what may not count
    seen_bytes: int | None
    problem: str = ""

    @property
    def error_bytes(self) -> int | None:
        """Seen minus allocated; None where nothing was seen."""
        return None if self.seen_bytes is None else self.seen_bytes - self.allocated_bytes

    @property
    def good(self) -> bool:
        return self.error_bytes is not None and abs(self.error_bytes) <= _SIZE // 8 + _TOLERATED


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about this machine: fine, worth knowing, or in the way."""

    name: str
    level: str  # "ok", "warning" or "error"
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that the doctor found."""

    meter: str
    seen: tuple[Seen, ...]
    findings: tuple[Finding, ...]

    @property
    def worst_error_bytes(self) -> int | None:
        """The largest error of the meter; None where a route could not be measured."""
        errors = [one.error_bytes for one in self.seen]
        return None if not errors or None in errors else max(abs(error) for error in errors if error is not None)

    @property
    def healthy(self) -> bool:
        """No error, and every route seen as it must be."""
        return all(one.good for one in self.seen) and all(one.level != "error" for one in self.findings)

    def one_line(self) -> str:
        """For a class of thirty: to paste into a chat or a form."""
        bad = [one.route for one in self.seen if not one.good] + [
            one.name for one in self.findings if one.level == "error"
        ]
        warned = [one.name for one in self.findings if one.level == "warning"]
        return (
            f"autograde {__version__} | {sys.platform} python {sys.version_info[0]}.{sys.version_info[1]} | "
            f"{machine.cores()} cores, {format_bytes(machine.total_bytes())} | meter {self.meter}, error "
            f"{format_bytes(self.worst_error_bytes)} | "
            + ("ready" if self.healthy else f"not ready: {', '.join(bad)}")
            + (f" | warnings: {', '.join(warned)}" if warned else "")
        )


def diagnose(folder: Path, *, told: Callable[[str, int], None] = lambda name, total: None) -> Diagnosis:
    """Examine the machine; `folder` is the course or what students have of it, with notebooks somewhere below.

    `told` hears the name of each route before it is tried, and how many there are. Takes about ten seconds.
    """
    routes = [route for route in ROUTES if not (route.posix and os.name == "nt")]
    seen = []
    for route in routes:
        told(route.name, len(routes))
        seen.append(_try(route))
    try:
        meter = default_meter().name
    except MeterError as error:
        raise JudgeError(f"this machine has no meter that works: {error}") from error
    findings = (*_machine(folder), *_packages(), _kernel(), *_place(folder))
    return Diagnosis(meter, tuple(seen), (*findings, *_ceilings(folder, seen)))


def _ceilings(folder: Path, seen: Sequence[Seen]) -> list[Finding]:
    """Whether the meter is fine enough for the ceilings of the notebooks that lie here."""
    errors = [abs(one.error_bytes) for one in seen if one.error_bytes is not None]
    sizes: list[int] = []
    # beside the reader, in a folder of assignments, in a course, in a kit for students
    patterns = ("*.ipynb", "*/*.ipynb", "source/*/*.ipynb", "release/*/*.ipynb")
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        with suppress(CourseError):  # not a notebook of this course
            sizes += ceilings_in(rebuild(path.stem, read_notebook(path), read_notebook(path)))
    if not sizes or not errors:
        return []
    text = f"the smallest ceiling here is {format_bytes(min(sizes))}, the meter's error {format_bytes(max(errors))}"
    if min(sizes) >= 2 * max(errors):
        return [Finding("ceilings", "ok", text)]
    return [
        Finding("ceilings", "error", f"{text}: it cannot tell; let the judge on Linux decide, or raise the ceiling")
    ]


def _try(route: Route) -> Seen:
    wanted = _SIZE if route.counts else 0
    with tempfile.TemporaryDirectory(prefix="autograde-doctor-") as name:
        folder = Path(name)
        with (folder / "data").open("wb") as file:
            for _ in range(_SIZE // MIB):
                file.write(b"x" * MIB)
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _PROGRAM, str(_SIZE), str(folder), route.code],
                capture_output=True,
                text=True,
                timeout=_ROUTE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Seen(route.name, wanted, None, f"not done after {_ROUTE_SECONDS} s: close other programs, try again")
    if done.returncode != 0:
        return Seen(
            route.name, wanted, None, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it failed"
        )
    return Seen(route.name, wanted, from_json(Measurement, done.stdout.splitlines()[-1]).peak_bytes)


def _machine(folder: Path) -> list[Finding]:
    host, cpus = psutil.virtual_memory(), os.cpu_count() or 1
    total, free, cores = machine.total_bytes(), machine.available_bytes(), machine.cores()
    contained = total < host.total
    return [
        _size(
            "memory",
            total,
            7 * GIB,
            f"{format_bytes(total)} of memory" + _limit_note(contained, format_bytes(host.total)),
            "8 GB are assumed: " + ("ask for a larger container" if contained else "close other programs"),
        ),
        _size(
            "free memory",
            free,
            _FREE_WANTED,
            f"{format_bytes(free)} of memory are free" + (" in this container" if contained else ""),
            f"notebooks want up to {format_bytes(_FREE_WANTED)}: close other programs and other kernels",
        ),
        _disk(folder),
        _size(
            "cores",
            cores,
            2,
            f"{cores} cores" + _limit_note(cores < cpus, str(cpus)),
            "everything will be slow, and verdicts are the same",
        ),
        _swap(host.available),
    ]


def _limit_note(limited: bool, host: str) -> str:
    return f" (limit of this container; the host has {host})" if limited else ""


def _disk(folder: Path) -> Finding:
    """Whether data has room: on the disk where it is made, which AUTOGRADE_DATA may put elsewhere than the course."""
    named = os.environ.get("AUTOGRADE_DATA")
    home = Path(named).expanduser().absolute() if named else data_folder(folder)  # as data_scripts decides
    for place in (home, *home.parents):
        with suppress(OSError):  # not made yet
            free = shutil.disk_usage(place).free
            return _size(
                "disk",
                free,
                4 * GIB,
                f"{format_bytes(free)} of disk are free where data is made ({home})",
                "data sets want 3 GiB: make room, or set AUTOGRADE_DATA to a folder on a larger disk",
            )
    return Finding(
        "disk",
        "error",
        f"data is made in {home}, and there is no such disk: attach it, or set AUTOGRADE_DATA to another folder",
    )


def _swap(free_bytes: int) -> Finding:
    """Whether the machine works from its swap: some in use says little by itself, macOS keeps it while memory is free.

    `free_bytes` and swap are both of the host: a container has no figures of its own for what is swapped elsewhere.
    """
    try:
        used = psutil.swap_memory().used
    except (
        OSError,
        RuntimeError,
    ) as error:  # Windows without performance counters: psutil #2105, and #2161 for OSError
        return Finding(
            "swap",
            "warning",
            f"whether swap is in use cannot be told ({error}): when programs are slow, look at the system's own monitor. "
            "On Windows `lodctr /R`, run as administrator, brings performance counters back",
        )
    if used <= 256 * MIB:
        return Finding("swap", "ok", "no swap in use")
    if free_bytes >= _FREE_WANTED:
        return Finding("swap", "ok", f"{format_bytes(used)} of swap are in use, and enough memory is free")
    return Finding(
        "swap",
        "warning",
        f"{format_bytes(used)} of swap are in use and {format_bytes(free_bytes)} of memory are free: the machine is short "
        "of memory, close programs",
    )


def _size(name: str, value: int, wanted: int, text: str, else_do: str) -> Finding:
    return Finding(name, "ok", text) if value >= wanted else Finding(name, "warning", f"{text}; {else_do}")


def _packages() -> list[Finding]:
    found = []
    if import_memray() is not None:
        found.append(Finding("memray", "ok", "memray explains what was held"))
    else:
        why = "it does not exist for Windows" if os.name == "nt" else "install it (pip install memray)"
        found.append(Finding("memray", "warning", f"no memray, so messages say less about what was held: {why}"))
    reason = why_not()
    if reason is None:
        found.append(Finding("bubblewrap", "ok", "bubblewrap fences in submissions here"))
    else:
        text = f"submissions would run as plain processes: {reason}. Students need none of it; who grades a class does"
        found.append(Finding("bubblewrap", "warning", text))
    return found


def _kernel() -> Finding:
    """Whether the kernel `python3`, that notebooks ask for, is this environment."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", "error", "no Jupyter kernel python3: run `python -m ipykernel install --sys-prefix`")
    program = shutil.which(spec.argv[0]) or spec.argv[0]
    if spec.argv[0] in ("python", "python3") or _same(program, sys.executable):
        return Finding("kernel", "ok", "the kernel python3 is this environment")
    return Finding(
        "kernel",
        "error",
        f"the kernel python3 is another Python ({program}), which may lack these packages: run "
        "`python -m ipykernel install --sys-prefix` in this environment",
    )


def _same(one: str, other: str) -> bool:
    return Path(one).parent.resolve() == Path(other).parent.resolve()


#: Whole names of folders that a program copies to a cloud, and the forms that these programs give them: for another
#: account (`OneDrive - University`, `Dropbox (Lab)`, `Nextcloud2`), or a team (`Lab Dropbox`). Never any name with such a
#: word in it: `nextcloud-lessons` is a folder of lessons.
_CLOUD = re.compile(
    r"(onedrive|dropbox|next ?cloud|own ?cloud|google ?drive|icloud ?drive|icloud|pcloud ?(drive|sync)?)"
    r"(\d*| - .+| \(.+\))"
    r"|.+ dropbox|my drive|shared drives|mobile documents|com~apple~clouddocs|box sync|box-box",
    re.IGNORECASE,
)


def _cloud_of(parts: Sequence[str]) -> str | None:
    """The part of a path that syncs to a cloud, if one does.

    >>> _cloud_of(("/", "home", "ada", "OneDrive - University", "course"))
    'OneDrive - University'
    >>> _cloud_of(("/", "Users", "ada", "Library", "CloudStorage", "Box-Box", "course"))
    'Box-Box'
    """
    small = [part.lower() for part in parts]
    for at, part in enumerate(parts):
        on_macos = small[max(at - 2, 0) : at] == [
            "library",
            "cloudstorage",
        ]  # where it puts whatever such programs have
        box_drive = small[1:2] in (["home"], ["users"]) and at == 3 and small[at] == "box"  # elsewhere a box is a box
        if on_macos or box_drive or _CLOUD.fullmatch(part):
            return part
    return None


def _place(folder: Path) -> list[Finding]:
    cloud = _cloud_of(folder.resolve().parts)
    found = []
    if cloud is not None:
        found.append(
            Finding(
                "cloud",
                "error",
                f"this folder syncs to a cloud ({cloud}), which copies gigabytes of data: move it elsewhere",
            )
        )
    else:
        found.append(Finding("cloud", "ok", "this folder does not look like one that syncs to a cloud"))
    if os.name == "nt" and len(str(folder.resolve())) > 100:
        found.append(
            Finding(
                "path",
                "warning",
                "the path is long, and Windows stops at 260 characters: move the course to C:\\course",
            )
        )
    return found
