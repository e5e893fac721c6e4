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
    size = os.path.getsize("/dev/shm/autograde-attack")
    os.remove("/dev/shm/autograde-attack")
    return size
"""
