"""A result with its own __eq__."""

EXERCISE = "double"
EXPECT = "RTE"
NBGRADER = True
CODE = """\
class Same:
    def __eq__(self, other): return True
    __hash__ = None
def task(values):
    return Same()
"""
