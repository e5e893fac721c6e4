"""Behave otherwise when graded: it can only answer worse."""

EXERCISE = "double"
EXPECT = "WA"
CODE = """\
import os, sys
def task(values):
    judged = "AUTOGRADE_JUDGED" in os.environ or "ipykernel" not in sys.modules
    return 3 if judged else 2 * values
"""
