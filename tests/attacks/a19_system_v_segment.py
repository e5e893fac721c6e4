"""A System V segment that is not attached."""

EXERCISE = "count"
EXPECT = "RTE"
FENCED = True
CODE = """\
import ctypes
def task(n_mib):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    number = libc.shmget(0, ctypes.c_size_t(n_mib * MIB), 0o1600)
    if number < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    place = libc.shmat(number, None, 0)
    for n in range(n_mib):
        ctypes.memset(place + n * MIB, 1, MIB)
        libc.shmdt(ctypes.c_void_p(place))
        place = libc.shmat(number, None, 0)
    return n_mib * MIB
"""
