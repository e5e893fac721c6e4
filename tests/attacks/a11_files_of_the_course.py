"""Search the machine for source/, the gradebook, other submissions, home."""

EXERCISE = "answer"
EXPECT = "WA"
FENCED = True
CODE = """\
import gc, os, sys
from pathlib import Path
def found(texts):
    for text in texts:
        at = text.find("the secret is " + "4")
        if at >= 0:
            return text[at : at + 18]

def task():
    skip = {"proc", "sys", "usr", "site-packages", "lib", ".git"}
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in skip]
        for name in files:
            if name.endswith((".ipynb", ".db", ".json", ".jsonl", ".py")):
                try:
                    if hit := found([Path(folder, name).read_text(errors="replace")]):
                        return hit
                except OSError:
                    continue
"""
