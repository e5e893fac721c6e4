"""Delete every file of the recorder."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import os, shutil, tempfile
def task(n_mib):
    for folder, _, files in os.walk(tempfile.gettempdir()):
        for name in files:
            os.remove(os.path.join(folder, name))
    everything = np.ones(n_mib * MIB, np.uint8)
    return int(everything.sum())
"""
