"""Print without end."""

EXERCISE = "double"
EXPECT = "RTE"
CODE = """\
def task(values):
    while True:
        print("x" * 10_000)
"""
