"""The notebook says that it is for R."""

EXERCISE = "double"
EXPECT = "AC"
ALONE = True
CODE = """\
def task(values):
    return 2 * values
"""


def mutate(book, folder):
    book.metadata["kernelspec"] = {"display_name": "R", "language": "R", "name": "ir"}
    (folder / "another.ipynb").write_text("{}")
