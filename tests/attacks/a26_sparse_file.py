"""One file of a terabyte that holds nothing."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
def task(path):
    path.mkdir()
    with open(path / "x", "wb") as file:
        file.truncate(2**40)
"""
