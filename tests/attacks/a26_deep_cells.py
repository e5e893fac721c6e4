"""Cells that no parser survives, or that take it minutes."""

EXERCISE = "double"
EXPECT = "RTE"
ALONE = True
CODE = (
    """\
def task(values):
    return 2 * values
x = """
    + "-" * 100_000
    + "1"
)


def mutate(book, folder):
    from nbformat import v4

    book.cells.insert(0, v4.new_code_cell("!true\n" * 20_000 + "("))
