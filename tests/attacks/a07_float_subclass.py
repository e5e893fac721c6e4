"""A float that is equal to everything: its value crosses, it does not."""

EXERCISE = "double"
EXPECT = "WA"
NBGRADER = True
CODE = """\
class Same(float):
    def __eq__(self, other): return True
    __hash__ = float.__hash__
def task(values):
    return Same(3)
"""
