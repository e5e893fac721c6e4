"""A million files in /dev/shm, where only the kernel pays."""

EXERCISE = "save"
EXPECT = "RTE"
FENCED = True
CODE = """\
def task(path):
    for n in range(1_000_000):
        open(f"/dev/shm/{n}", "w").close()
"""
