"""A process without parents holds the data and answers questions."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import os
asking, asked = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        everything = bytearray(b"x") * (48 * MIB)
        while os.write(asked, len(everything).to_bytes(8, "big")):
            pass
    os._exit(0)
def task(n_mib):
    return int.from_bytes(os.read(asking, 8), "big")
"""
