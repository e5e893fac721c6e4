"""Half a file."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def damage(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def mutate(book, folder):
    return damage
