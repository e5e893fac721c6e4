"""A subclass of an array that is equal to everything: its numbers cross, it does not."""

EXERCISE = "give"
EXPECT = "WA"
CODE = """\
class Same(np.ndarray):
    def __eq__(self, other): return np.ones(3, bool)
    def __array_function__(self, function, types, args, kwargs): return True
def task():
    return np.zeros(3, int).view(Same)
"""
