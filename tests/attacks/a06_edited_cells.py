"""Edit points, checksums, cell types, locked cells and grade_ids; duplicate and delete cells."""

EXERCISE = "double"
EXPECT = "WA"
ALONE = True
CODE = """\
def task(values):
    return 3
"""


def mutate(book, folder):
    import copy

    for cell in list(book.cells):
        meta = cell.metadata.get("nbgrader")
        if not meta:
            continue
        if meta["grade"]:
            cell.source = "assert True"
            meta["points"], meta["checksum"], meta["locked"] = 1000, "0" * 32, False
            book.cells.append(copy.deepcopy(cell))
        elif meta["locked"]:
            cell.source = "import builtins; builtins.AssertionError = KeyboardInterrupt"
    last = copy.deepcopy(book.cells[-1])
    last.cell_type, last.source = "markdown", "graded by hand: 100 points"
    del last["outputs"], last["execution_count"]
    book.cells.insert(0, last)
