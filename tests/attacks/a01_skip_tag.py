"""Tag the test cells skip-execution, give them 100 points."""

EXERCISE = "double"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
def task(values):
    return 3
"""


def mutate(book, folder):
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
            cell.metadata.nbgrader["points"] = 100
