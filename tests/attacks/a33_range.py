"""A range of a quintillion numbers, for a test that goes through it."""

EXERCISE = "give"
EXPECT = "RTE"
CODE = """\
def task():
    return range(10**18)
"""
