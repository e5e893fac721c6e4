"""An exception with a message of 50 MiB."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
def task(values):
    raise ValueError("x" * 50 * MIB)
"""
