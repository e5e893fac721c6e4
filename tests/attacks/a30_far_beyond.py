"""Allocate far beyond the limit at once."""

EXERCISE = "double"
EXPECT = "MLE"
CODE = """\
def task(values):
    return int(np.ones(2**31, np.uint8)[0])
"""
