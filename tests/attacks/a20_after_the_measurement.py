"""Answer at once, and do the work when the judge asks for the line that held the most."""

EXERCISE = "store"
EXPECT = "MLE or WA"
ALONE = True
CODE = """\
import gc
gc.unfreeze()
theirs = next(type(one) for one in gc.get_objects() if type(one).__name__ == "Student")
later = []
end = theirs.do_end
def late(self, *args):
    while later:
        later.pop()()
    return end(self, *args)
theirs.do_end = late
def task(path, n_mib):
    def work():
        everything = np.ones(n_mib * MIB, np.uint8)
        np.save(path, everything)
    later.append(work)
"""
