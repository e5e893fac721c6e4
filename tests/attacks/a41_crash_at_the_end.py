"""Right answers, and a crash in the last cell: they keep their marks."""

EXERCISE = "double"
EXPECT = "AC"
ALONE = True
NBGRADER = True
CODE = """\
def task(values):
    return 2 * values
"""


def mutate(book, folder):
    from nbformat import v4

    book.cells.append(v4.new_code_cell("import os\nos._exit(1)"))
