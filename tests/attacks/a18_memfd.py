"""Keep the data in a memory file that is not mapped."""

EXERCISE = "count"
EXPECT = "RTE"
FENCED = True
CODE = """\
import os
def task(n_mib):
    place = os.memfd_create("x")
    for _ in range(n_mib):
        os.write(place, b"x" * MIB)
    return os.fstat(place).st_size
"""
