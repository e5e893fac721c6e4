"""An empty file."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    path.write_bytes(b"")


def mutate(book, folder):
    return damage
