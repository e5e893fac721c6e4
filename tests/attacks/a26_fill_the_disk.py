"""Fill the disk."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
import time
def task(path):
    path.mkdir()
    for n in range(10_000):
        (path / str(n)).write_bytes(bytes(4 * MIB))
        time.sleep(0.002)
"""
