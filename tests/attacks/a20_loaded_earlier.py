"""Load everything in a cell before the test, and only use it there."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
everything = np.ones(48 * MIB, np.uint8)
def task(n_mib):
    return int(everything[: n_mib * MIB].sum())
"""
