"""A named pipe in place of a notebook, for whoever opens it to wait."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    import os

    path.unlink()
    os.mkfifo(path)


def mutate(book, folder):
    return damage
