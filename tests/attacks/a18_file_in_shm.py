"""Keep the data in a file in /dev/shm."""

EXERCISE = "count"
EXPECT = "MLE"
FENCED = True
CODE = """\
import os
def task(n_mib):
    with open("/dev/shm/autograde-attack", "wb") as file:
        for _ in range(n_mib):
            file.write(b"x" * MIB)
    with open("/dev/shm/autograde-attack", "rb") as file:
        size = sum(file.read(MIB).count(b"x") for _ in range(n_mib))
    os.remove("/dev/shm/autograde-attack")
    return size
"""
