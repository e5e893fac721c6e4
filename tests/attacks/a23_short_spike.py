"""Touch everything and let it go between two polls."""

EXERCISE = "count"
EXPECT = "MLE"
CODE = """\
def task(n_mib):
    return int(np.ones(n_mib * MIB, np.uint8).sum())
"""
