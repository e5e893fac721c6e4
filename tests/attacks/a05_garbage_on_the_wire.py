"""Write garbage into every socket of the process."""

EXERCISE = "double"
EXPECT = "RTE"
ALONE = True
CODE = """\
import os, stat
def task(values):
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, b"AGW1" + bytes(range(256)) * 64)
        except OSError:
            pass
    return 6
"""
