"""One stack of TIFF planes to OME-Zarr: the course's reference solution and its peers, in turns.

    python tests/benchmarks/conversion.py                 # 512 MiB, three rounds of everything
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
import importlib.metadata
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
import numpy as np
import platformdirs

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "source" / "2-conversion"
PLANE = (1021, 1013)  # y, x: no chunk divides it
LEVELS = 4

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
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", *needs],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unusable(f"cannot be installed: {last_line(done.stderr or done.stdout)}")
    (folder / "complete").touch()
    return python


def version_of(tool, python):
    """Name and version of the tool's package."""
    package = (NEEDS[tool] or (tool,))[0]
    if tool == "reference":
        return f"zarr {importlib.metadata.version('zarr')}"
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no message"


# --- what is converted, and by what -----------------------------------------------------------------------------------


def solutions(notebook, *names):
    """The text of these cells of a source notebook: what students get as the reference."""
    from autograde.notebook import name_of, read_notebook

    cells = {name_of(cell): cell.source for cell in read_notebook(SOURCE / notebook).cells}
    imports = "import re\nfrom pathlib import Path\n\nimport numpy as np\nimport tifffile\nimport zarr\n"
    return "\n\n".join([imports, *(cells[name] for name in names)])


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
    from autograde.meters import Poller, default_meter

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
        figures = json.loads(last_line(said.read()))
    if peak.reading is None:
        raise Unusable("its memory was never seen")
    return figures["wall_seconds"], figures["cpu_seconds"], peak.reading.total_bytes


# --- is it right? -----------------------------------------------------------------------------------------------------


def slab_of(paths, start, stop):
    """Planes start to stop as they are on disk, (z, y, x)."""
    import tifffile

    return np.stack([tifffile.imread(path) for path in paths[start:stop]])


def examine(out, planes, voxel):
    """{"level 0", "level 1", "chunks", "faults"} of the image at `out`, each in words, against the folder of planes."""
    import zarr
    from ome_zarr_models.v05 import Image

    found = {}
    group = zarr.open_group(out, mode="r")
    images = group.attrs.get("ome", {}).get("multiscales") or group.attrs.get("multiscales")
    if not images:
        return {"level 0": "no metadata", "level 1": "-", "faults": "ome"}
    if len(images[0]["datasets"]) != LEVELS:
        return {"level 0": "-", "level 1": "-", "faults": f"{len(images[0]['datasets'])} levels listed"}
    axes = [axis["name"] for axis in images[0]["axes"]]
    order = [axes.index(name) for name in "zyx"]
    levels = [group[dataset["path"]] for dataset in images[0]["datasets"]]
    found["chunks"] = " x ".join(str(levels[0].chunks[i]) for i in order) + (" in shards" if levels[0].shards else "")
    found["level 0"] = "equal to the planes"
    kinds: dict[str, int] = {}
    paths = sorted(planes.iterdir())
    if levels[0].shape[order[0]] != len(paths):
        found["level 0"] = f"{levels[0].shape[order[0]]} planes of {len(paths)}"
    for z in range(0, len(paths), 16):
        want = slab_of(paths, z, z + 16)
        got = part(levels[0], order, z, z + len(want))
        if got.shape != want.shape or not np.array_equal(got, want):
            found["level 0"] = f"differs from the planes from {z} on"
            break
        for kind, count in compare(part(levels[1], order, z // 2, (z + len(want) + 1) // 2), want).items():
            kinds[kind] = kinds.get(kind, 0) + count
    found["level 1"] = described(kinds)
    if any(levels[1].shape[axis] < -(-levels[0].shape[axis] // 2) for axis in range(3)):
        found["level 1"] += ", odd edges left out"
    namespace: dict = {}
    exec(solutions("optional.ipynb", "problems"), namespace)
    faults = namespace["problems"](out)
    first = images[0]["datasets"][0]["coordinateTransformations"][0]["scale"]
    if not np.allclose([first[i] for i in order], voxel):
        faults.append(f"voxel size {first}")
    try:
        Image.from_zarr(group)
    except Exception as error:  # noqa: BLE001  # whatever a validator of others raises is its verdict
        faults.append(f"ome-zarr-models: {last_line(str(error))[:60]}")
    found["faults"] = ", ".join(faults) or "none"
    return found


def part(array, order, start, stop):
    """Planes start to stop of an array whose axes are `order` of z, y, x."""
    chosen = [slice(None)] * 3
    chosen[order[0]] = slice(start, stop)
    return array[tuple(chosen)].transpose(order)


def compare(got, fine):
    """How many voxels of `got`, half of `fine`, are what; voxels at an odd edge that was left out are not counted."""
    full = tuple(n // 2 for n in fine.shape)
    if 0 in full:
        return {}
    blocks = fine[: 2 * full[0], : 2 * full[1], : 2 * full[2]].reshape(full[0], 2, full[1], 2, full[2], 2)
    mean = blocks.mean(axis=(1, 3, 5))
    got = got[: full[0], : full[1], : full[2]]
    if got.shape != mean.shape:
        return {"of another size": mean.size}
    one_of = np.zeros(mean.shape, bool)
    for dz, dy, dx in np.ndindex(2, 2, 2):
        one_of |= got == blocks[:, dz, :, dy, :, dx]
    return {
        "voxels": mean.size,
        "rounded": int((got == np.rint(mean)).sum()),
        "cut": int((got == np.floor(mean)).sum()),
        "within one": int((np.abs(got - mean) <= 1).sum()),
        "one of eight": int(one_of.sum()),
    }


def described(kinds):
    """The counts of `compare` in words."""
    if "voxels" not in kinds or "of another size" in kinds:
        return "of another size"
    share = {kind: count / kinds["voxels"] for kind, count in kinds.items()}
    for kind, words in (
        ("rounded", "block means"),
        ("cut", "block means, cut off"),
        ("within one", "block means, within 1"),
        ("one of eight", "one voxel of each block"),
    ):
        if share[kind] == 1:
            return words
    return f"other: {share['within one']:.0%} within 1 of the block mean, {share['one of eight']:.0%} one voxel of the block"


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
                    mine.right = examine(out, planes, voxel)
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
    parser.add_argument("--mib", type=int, default=512, help="size of the stack, uncompressed (default 512)")
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
