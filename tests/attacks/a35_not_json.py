"""Not a notebook at all."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 100)


def mutate(book, folder):
    return damage
