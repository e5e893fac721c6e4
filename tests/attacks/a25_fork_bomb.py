"""A fork bomb."""

EXERCISE = "double"
EXPECT = "RTE or MLE or TLE"
FENCED = True
CODE = """\
import os
def task(values):
    while True:
        os.fork()
"""
