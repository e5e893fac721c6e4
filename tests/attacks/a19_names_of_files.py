"""Keep the data in the names of empty files and in their attributes, in memory."""

EXERCISE = "count"
EXPECT = "MLE or RTE"
FENCED = True
CODE = """\
import os
def task(n_mib):
    file = "/dev/shm/x"
    open(file, "w").close()
    total = 0
    for number in range(16 * n_mib):
        os.setxattr(file, f"user.{number}", b"x" * 65536)
    for name in os.listxattr(file):
        total += len(os.getxattr(file, name))
    return total
"""
