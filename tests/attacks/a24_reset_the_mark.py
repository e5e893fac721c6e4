"""Reset the kernel's high-water mark after the spike."""

EXERCISE = "count"
EXPECT = "MLE"
CODE = """\
def task(n_mib):
    total = int(np.ones(n_mib * MIB, np.uint8).sum())
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
    return total
"""
