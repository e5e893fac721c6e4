"""Shared pages that are let go of in the page table and stay where they are."""

EXERCISE = "count"
EXPECT = "RTE"
FENCED = True
CODE = """\
import mmap
def task(n_mib):
    pages = mmap.mmap(-1, n_mib * MIB)
    for n in range(n_mib):
        pages[n * MIB : (n + 1) * MIB] = b"x" * MIB
        pages.madvise(mmap.MADV_DONTNEED)
    return sum(pages[n * MIB : (n + 1) * MIB].count(b"x") for n in range(n_mib))
"""
