"""Wait for ever."""

EXERCISE = "double"
EXPECT = "TLE"
CODE = """\
import time
def task(values):
    time.sleep(10**6)
"""
