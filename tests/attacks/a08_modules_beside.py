"""A numpy.py, sitecustomize.py and a start-up file beside the notebook."""

EXERCISE = "give"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
def task():
    import numpy
    return getattr(numpy, "GIFT", [0, 0, 0])
"""


def mutate(book, folder):
    text = "GIFT = [3, 1, 4]\nclass Anything:\n    def __getattr__(self, name): return lambda *a, **k: True\ntesting = Anything()\n"
    for name in ("numpy.py", "sitecustomize.py", "usercustomize.py", ".ipython/profile_default/startup/00.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
