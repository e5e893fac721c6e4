"""Stop the process with SIGSTOP."""

EXERCISE = "double"
EXPECT = "TLE"
CODE = """\
import os, signal
def task(values):
    os.kill(os.getpid(), signal.SIGSTOP)
"""
