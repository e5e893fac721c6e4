"""One stack of TIFF planes to OME-Zarr: the course's reference solution and its peers, in turns.

    python tests/benchmarks/conversion.py                 # 1 GiB, three rounds of everything
    python tests/benchmarks/conversion.py --mib 128 --rounds 1 --tools reference ngff-zarr

The stack is that of data_scripts.whole_organ, a third of its planes compressed. Each conversion runs in a process of its
own; conversion_peers.py says what it does, and which page of its documentation shows that. Peers have virtual environments
of their own in the user's cache folder, made by pip the first time and kept; a peer that cannot be installed, or fails, is
a row that says why.

Printed for each: wall (the best of the rounds, without imports) and processor time of all its processes (the best, too); the
highest memory held by the whole tree of processes, Python and libraries included, polled from outside; what it left on disk;
and whether it is right: the voxels of level 0, how level 1 was made (measured, not asked), and the faults that `problems` of
assignment 2 and ome-zarr-models find.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import platformdirs
from conversion_check import examine, solutions
from conversion_peers import LEVELS

HERE = Path(__file__).parent
PLANE = (1021, 1013)  # y, x: no chunk divides it

#: What each tool needs from pip; what it shares with another one, it shares by the same name of the environment.
NEEDS = {
    "reference": None,
    "ome-zarr": None,
    "bioio-ome-zarr": ("bioio-ome-zarr", "tifffile"),
    "ngff-zarr": ("ngff-zarr", "tifffile"),
    "ngff-zarr, 64 MiB target": ("ngff-zarr", "tifffile"),
    "stack-to-chunk": ("stack-to-chunk", "tifffile"),
    "stack-to-chunk, all cores": ("stack-to-chunk", "tifffile"),
}


class Unusable(Exception):
    """A peer that cannot be installed or fails; the text is the reason, in one line."""


@dataclass
class Seen:
    """What the rounds of one tool have shown."""

    version: str = ""
    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    disk_bytes: int = 0
    files: int = 0
    right: dict[str, str] = field(default_factory=dict)
    failed: str | None = None


# --- environments -----------------------------------------------------------------------------------------------------


def interpreter(tool, *, cache, install=True):
    """The Python that has what the tool needs: this one, or that of an environment in `cache`, made the first time."""
    needs = NEEDS[tool]
    if needs is None:
        return Path(sys.executable)
    key = hashlib.sha256(repr((needs, sys.version_info[:2])).encode()).hexdigest()[:8]
    folder = cache / f"{needs[0]}-{key}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "complete").exists():
        return python
    if not install:
        raise Unusable("not installed")
    click.echo(f"{needs[0]}: installing {', '.join(needs)} into {folder} (once; a minute or two)")
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *needs],
    ):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # pip tells how far it is
        if done.returncode:
            raise Unusable(f"cannot be installed: {last_line(done.stderr)}")
    (folder / "complete").touch()
    return python


def version_of(tool, python):
    """The version of the tool's package; for the reference that of zarr."""
    package = "zarr" if tool == "reference" else (NEEDS[tool] or (tool,))[0]
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return ("zarr " if tool == "reference" else "") + (done.stdout.strip() or "?")


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no message"


# --- what is converted, and by what -----------------------------------------------------------------------------------


def prepare(stack, scratch):
    """In `scratch`: links to the planes under names that sort as text, and the reference beside them."""
    planes = scratch / "planes"
    planes.mkdir()
    for path in stack.glob("plane_*.tif"):
        (planes / f"plane_{int(path.stem.partition('_')[2]):05d}.tif").symlink_to(path)
    text = solutions(
        "imaging.ipynb", "tiff_stack_to_zarr", "downsample2", "full_names", "multiscale_metadata", "convert_volume"
    )
    (scratch / "reference.py").write_text(text, encoding="utf-8")
    return planes


def convert(tool, python, planes, out):
    """Convert once in a process of its own: (wall seconds, processor seconds, peak bytes). Raises Unusable."""
    from autograde.meters import default_meter
    from autograde.poll import Poller

    command = [str(python), str(HERE / "conversion_peers.py"), tool, str(planes), str(out), "--levels", str(LEVELS)]
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        child = subprocess.Popen(command, stdout=said, stderr=complained)
        poller = Poller(default_meter(child.pid))
        try:
            poller.start()
            child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            peak = poller.stop()
        said.seek(0)
        complained.seek(0)
        if child.returncode:
            raise Unusable(f"exit code {child.returncode}: {last_line(complained.read())}")
        try:
            figures = json.loads(last_line(said.read()))
        except ValueError as error:
            raise Unusable("its last line is not what conversion_peers.py prints") from error
    if peak.reading is None:
        raise Unusable("its memory was never seen")
    return figures["wall_seconds"], figures["cpu_seconds"], peak.reading.total_bytes


# --- rounds and table ---------------------------------------------------------------------------------------------------


def measure(tools, stack, *, rounds, scratch, cache, voxel, install=True, told=click.echo):
    """What `rounds` interleaved rounds of all `tools` show: {tool: Seen}. No peer's fault ends it."""
    planes = prepare(stack, scratch)
    seen, pythons = {tool: Seen() for tool in tools}, {}
    for tool in tools:
        try:
            pythons[tool] = interpreter(tool, cache=cache, install=install)
            seen[tool].version = version_of(tool, pythons[tool])
        except Unusable as reason:
            seen[tool].failed = str(reason)
    for number in range(rounds):
        for tool in pythons:
            mine, out = seen[tool], scratch / "out.zarr"
            if mine.failed:
                continue
            shutil.rmtree(out, ignore_errors=True)
            if hasattr(os, "sync"):
                os.sync()  # what others wrote is not ours to wait for
            try:
                wall, cpu, peak = convert(tool, pythons[tool], planes, out)
                if number == 0:
                    files = [path for path in out.rglob("*") if path.is_file()]
                    mine.files, mine.disk_bytes = len(files), sum(path.stat().st_size for path in files)
                    mine.right = looked_at(out, planes, voxel)
            except Unusable as reason:
                mine.failed = str(reason)
                told(f"round {number + 1} {tool}: {reason}")
                continue
            mine.wall_seconds.append(wall)
            mine.cpu_seconds.append(cpu)
            mine.peak_bytes.append(peak)
            load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
            told(f"round {number + 1} {tool}: {wall:.1f} s, {cpu:.1f} CPU s, {peak / 2**20:.0f} MiB{load}")
    shutil.rmtree(scratch / "out.zarr", ignore_errors=True)
    return seen


def looked_at(out, planes, voxel):
    """What `examine` finds; an image that it cannot read is a fault, not the end."""
    try:
        return examine(out, planes, voxel)
    except Exception as error:  # noqa: BLE001  # anything may be wrong with what another program wrote
        return {"faults": f"cannot be read: {type(error).__name__}: {last_line(str(error))}"}


def table(seen):
    """The lines of the table, in Markdown; ratios are to the reference, where it ran."""
    yield "| tool | wall s | CPU s | peak MiB | x ours | disk MiB | files | chunks | level 0 | level 1 | faults found |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    ours = seen.get("reference")
    for tool, mine in seen.items():
        name = f"{tool} ({mine.version})" if mine.version else tool
        if mine.failed or not mine.wall_seconds:
            yield f"| {name} | {mine.failed or 'not run'} |" + " - |" * 9
            continue
        peak = max(mine.peak_bytes)
        ratio = f"{peak / max(ours.peak_bytes):.1f}" if ours and ours.peak_bytes else "-"
        figures = (f"{min(mine.wall_seconds):.1f}", f"{min(mine.cpu_seconds):.1f}", f"{peak / 2**20:.0f}", ratio)
        left = (f"{mine.disk_bytes / 2**20:.0f}", f"{mine.files}")
        right = tuple(mine.right.get(key, "-") for key in ("chunks", "level 0", "level 1", "faults"))
        yield f"| {' | '.join((name, *figures, *left, *right))} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="size of the stack, uncompressed (default 1024)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", nargs="*", default=list(NEEDS), choices=NEEDS, metavar="TOOL")
    parser.add_argument("--environments", type=Path, default=platformdirs.user_cache_path("autograde") / "peers")
    parser.add_argument("--no-install", action="store_true", help="leave out peers that are not installed")
    options = parser.parse_args()
    from data_scripts.whole_organ import VOXEL_SIZE_UM, fetch_stack

    shape = (max(1, options.mib * 2**20 // (2 * PLANE[0] * PLANE[1])), *PLANE)
    stack = fetch_stack(shape=shape)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="conversion-") as scratch:
        seen = measure(
            options.tools,
            stack,
            rounds=options.rounds,
            scratch=Path(scratch),
            cache=options.environments,
            voxel=VOXEL_SIZE_UM,
            install=not options.no_install,
        )
    size = f"{2 * math.prod(shape) / 2**20:.0f} MiB, {' x '.join(map(str, shape))} uint16"
    took = f"{time.perf_counter() - began:.0f} s in all"
    click.echo(f"\n{size}, {LEVELS} levels, best of {options.rounds}, {os.cpu_count()} cores, {took}")
    for line in table(seen):
        click.echo(line)


if __name__ == "__main__":
    main()
