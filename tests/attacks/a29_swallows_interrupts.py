"""A loop that nothing interrupts."""

EXERCISE = "double"
EXPECT = "TLE"
CODE = """\
def task(values):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
