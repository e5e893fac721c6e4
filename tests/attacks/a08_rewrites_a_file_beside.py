"""Rewrite the file beside the notebook that the test compares with."""

EXERCISE = "copied"
EXPECT = "WA"
FENCED = True
CODE = """\
import os
def task():
    for name in ("expected.json", "../expected.json"):
        try:
            os.chmod(name, 0o666)
        except OSError:
            pass
        try:
            Path("mine.json").write_text("17")
            os.replace("mine.json", "expected.json")
        except OSError:
            pass
        try:
            Path("expected.json").write_text("17")
        except OSError:
            pass
    return 17
"""
