"""Overflow the stack."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
import sys
def task(values):
    sys.setrecursionlimit(10**9)
    def deeper(value):
        return list(map(deeper, [value]))
    return deeper(values)
"""
