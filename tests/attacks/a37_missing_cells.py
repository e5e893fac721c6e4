"""Cells are missing, the test's too."""

EXERCISE = "double"
EXPECT = "NS"
ALONE = True
CODE = """\
def task(values):
    return 3
"""


def mutate(book, folder):
    book.cells = [cell for cell in book.cells if "double" not in cell.metadata.get("nbgrader", {}).get("grade_id", "")]
