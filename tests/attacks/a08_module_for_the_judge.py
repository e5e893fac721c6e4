"""A module beside the notebook, for a set-up cell further down to import in the judge: no test runs from there."""

EXERCISE = "answer"
EXPECT = "WA"
ALONE = True
CODE = """\
def task():
    return None
"""


def mutate(book, folder):
    from nbformat import v4

    text = "import sys\\nsys.modules['__main__']._run = lambda code, space: None\\n"
    code = f'open("a_library_that_may_be_missing.py", "w").write("{text}")'
    book.cells.insert(0, v4.new_code_cell(code))
