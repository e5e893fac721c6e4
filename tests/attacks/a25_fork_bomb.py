"""A fork bomb."""

EXERCISE = "double"
EXPECT = "RTE"
FENCED = True
CODE = """\
import os
def task(values):
    while True:
        os.fork()
"""
