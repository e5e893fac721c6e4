"""A syntax error in one cell."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
def task(values)
    return 2 * values
"""
