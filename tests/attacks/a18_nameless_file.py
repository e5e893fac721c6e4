"""Keep the data in a file in memory that has no name."""

EXERCISE = "count"
EXPECT = "MLE"
FENCED = True
CODE = """\
import os
def task(n_mib):
    place = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
    for _ in range(n_mib):
        os.write(place, b"x" * MIB)
    size = sum(sum(os.pread(place, MIB, number * MIB)) // ord("x") for number in range(n_mib))
    os.close(place)
    return size
"""
