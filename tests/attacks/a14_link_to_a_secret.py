"""A zarr folder whose chunk is a link to another file."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
import os
def task(path):
    array = zarr.create_array(path, shape=(100,), chunks=(100,), dtype="uint8", compressors=None)
    array[:] = np.arange(100)
    os.remove(path / "c" / "0")
    os.symlink("/etc/passwd", path / "c" / "0")
"""
