"""A hook keeps the text of every cell that runs after it."""

EXERCISE = "answer"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
def keep(info):
    if "the secret is " in info.raw_cell:
        at = info.raw_cell.find("the secret is 4")
        get_ipython().user_ns["task"] = lambda: info.raw_cell[at : at + 18]
get_ipython().events.register("pre_run_cell", keep)
def task():
    return None
"""
