"""Shared pages by way of /dev/zero, let go of in the page table while they stay where they are."""

EXERCISE = "count"
EXPECT = "RTE"
FENCED = True
CODE = """\
import mmap, os
def task(n_mib):
    place = os.open("/dev/zero", os.O_RDWR)
    pages = mmap.mmap(place, n_mib * MIB)
    for n in range(n_mib):
        pages[n * MIB : (n + 1) * MIB] = b"x" * MIB
        pages.madvise(mmap.MADV_DONTNEED)
    total = 0
    for n in range(n_mib):
        total += pages[n * MIB : (n + 1) * MIB].count(b"x")
        pages.madvise(mmap.MADV_DONTNEED)
    return total
"""
