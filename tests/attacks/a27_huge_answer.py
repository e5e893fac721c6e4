"""A text of 100 MiB where a number is wanted."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
def task(values):
    return "x" * (100 * MIB)
"""
