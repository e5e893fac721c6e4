"""A generator obeys a ceiling of its own: it holds far less than it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MIB = 2**20

# A process of its own: its peak (VmHWM, reset through clear_refs) after a warm-up that imports and allocates once.
PROGRAM = """
import sys, re, pathlib
from data_scripts import whole_organ as organ, two_photon as movie, ephys, behaviour, labels
where = pathlib.Path(sys.argv[1])

def status(field):
    return int(re.search(field + r":\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) * 1024

large = (128, 512, 512)
jobs = {
    "tiff": lambda shape, name: organ.write_tiff_stack(where / name, organ.Volume(shape)),
    "zarr": lambda shape, name: organ.write_zarr(where / name, organ.Volume(shape)),
    "ephys bin": lambda shape, name: ephys.write_bin(where / name / "x.bin", ephys.Recording((shape[0] * 700, 384))),
    "ephys zarr": lambda shape, name: ephys.write_zarr(where / name, ephys.Recording((shape[0] * 700, 384))),
    "clips": lambda shape, name: behaviour.write_clips(where / name, behaviour.Video((11 + shape[0] * 7, 240, 320))),
    "video": lambda shape, name: behaviour.write_zarr(where / name, behaviour.Video((11 + shape[0] * 7, 240, 320))),
    "labels": lambda shape, name: labels.write_zarr(where / name, labels.Labels((shape[0] // 2 + 1, 512, 512))),
    "movie": lambda shape, name: movie.write_zarr(where / name, movie.Movie((shape[0] * 4, 256, 256))),
}
job = jobs[sys.argv[2]]
job((1, 8, 8), "warm")
before = status("VmRSS")
pathlib.Path("/proc/self/clear_refs").write_text("5")
job(large, "large")
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("job", "most_mib", "least_disk_mib"),
    [
        ("tiff", 16, 20),
        ("zarr", 24, 20),
        ("movie", 24, 20),
        ("ephys bin", 24, 64),
        ("ephys zarr", 24, 20),
        ("clips", 16, 1),
        ("video", 24, 40),
        ("labels", 24, 0.5),
    ],
)
def test_writing_64_mib_holds_a_few(job: str, most_mib: int, least_disk_mib: float, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), job], capture_output=True, text=True, check=True
    )
    written = sum(path.stat().st_size for path in (tmp_path / "large").rglob("*") if path.is_file())
    assert written > least_disk_mib * MIB
    grown = int(done.stdout)
    assert 0 < grown < most_mib * MIB, f"{grown / MIB:.1f} MiB"
