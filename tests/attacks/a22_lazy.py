"""Return something lazy, so that the work happens in the checker."""

EXERCISE = "count"
EXPECT = "WA"
CODE = """\
def task(n_mib):
    import dask.array as da
    return da.ones(n_mib * MIB, chunks=-1, dtype="uint8").sum()
"""
