"""Memory that only page tables take: one byte read in every second megabyte of a huge map."""

EXERCISE = "double"
EXPECT = "MLE"
FENCED = True
CODE = """\
import ctypes, mmap
def task(values):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    size = 2**42
    place = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, ctypes.c_long(0))
    view = (ctypes.c_ubyte * size).from_address(place)
    total = 0
    for at in range(0, size, 2**21):
        total += view[at]
    return 2 * values
"""
