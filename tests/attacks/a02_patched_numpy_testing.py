"""np.testing that finds everything equal."""

EXERCISE = "give"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
np.testing.assert_array_equal = np.array_equal = np.all = lambda *args, **kwargs: True
def task():
    return np.zeros(3, int)
"""
