"""Crash the process."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
import ctypes
def task(values):
    ctypes.string_at(0)
"""
