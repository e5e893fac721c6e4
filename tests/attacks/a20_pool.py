"""A pool that is allocated before, for the baseline to swallow."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import ctypes
pool = [bytearray(MIB) for _ in range(48)]
class Everything:
    pass
hidden = Everything()
hidden.__dict__["pool"], pool = pool, None
def task(n_mib):
    return sum(len(part) for part in hidden.pool[:n_mib])
"""
