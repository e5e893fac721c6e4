"""A module with a pool in it, written beside the notebook, that swells the baseline when the process starts anew."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
def task(n_mib):
    import ctypes, gc
    import pool_of_mine
    pool_of_mine.pool.clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(np.ones(n_mib * MIB, np.uint8).sum())
"""


def mutate(book, folder):
    from nbformat import v4

    text = "from pathlib import Path\nPath('pool_of_mine.py').write_text('pool = [bytearray(b\"x\") * 2**20 for _ in range(48)]')\n"
    book.cells.insert(0, v4.new_code_cell(text + "import os\nos._exit(1)"))
