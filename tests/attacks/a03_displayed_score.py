"""A hook displays the full score before the assertion fails."""

EXERCISE = "double"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
get_ipython().events.register("pre_run_cell", lambda info=None: get_ipython().displayhook(2.0))
def task(values):
    return 3
"""
