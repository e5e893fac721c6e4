"""An answer that is nested without end."""

EXERCISE = "give"
EXPECT = "RTE"
CODE = """\
def task():
    nest = []
    nest.append(nest)
    return nest
"""
