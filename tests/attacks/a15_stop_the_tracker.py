"""Walk all objects and stop whatever measures."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
NBGRADER = True
CODE = """\
import gc
def task(n_mib):
    gc.unfreeze()
    for one in gc.get_objects():
        if type(one).__name__ in ("Poller", "LocalRun", "Tracker", "TreeMeter"):
            try:
                one._done.set() if hasattr(one, "_done") else None
                type(one).read = lambda self: None
                type(one)._take = lambda self: False
                type(one).end = lambda self: None
            except (AttributeError, TypeError):
                pass
    everything = np.ones(n_mib * MIB, np.uint8)
    return int(everything.sum())
"""
