"""End the process."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
import os
def task(values):
    os._exit(0)
"""
