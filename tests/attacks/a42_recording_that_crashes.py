"""A memray recording made to crash its reader, in place of the one that is being made."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import os, tempfile
def task(n_mib):
    everything = np.ones(n_mib * MIB, np.uint8)
    for folder, _, files in os.walk(tempfile.gettempdir()):
        for name in files:
            if name == "recording.bin":
                with open(os.path.join(folder, name), "r+b") as file:
                    file.seek(16)
                    file.write(os.urandom(4096) + b"\\\\xff" * 65536)
    return int(everything.sum())
"""
