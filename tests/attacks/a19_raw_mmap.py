"""Ask the system for pages without the allocator, and move them about."""

EXERCISE = "count"
EXPECT = "MLE"
CODE = """\
import ctypes, time
def task(n_mib):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    size = n_mib * MIB
    place = libc.mmap(None, ctypes.c_size_t(MIB), 3, 0x22, -1, ctypes.c_long(0))
    place = libc.mremap(place, MIB, size, 1)
    ctypes.memset(place, 1, size)
    time.sleep(0.02)
    return size
"""
