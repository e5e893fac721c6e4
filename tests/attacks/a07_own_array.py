"""A result with its own __array__ and __array_ufunc__."""

EXERCISE = "give"
EXPECT = "RTE"
CODE = """\
class Same:
    shape, dtype, ndim = (3,), np.dtype(int), 1
    def __array__(self, dtype=None, copy=None): return np.array([3, 1, 4])
    def __array_ufunc__(self, *args, **kwargs): return True
    def __array_function__(self, *args, **kwargs): return True
def task():
    return Same()
"""
