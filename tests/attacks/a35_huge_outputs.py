"""200 MB of outputs."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    path.write_bytes(b" " * 200_000_000)


def mutate(book, folder):
    return damage
