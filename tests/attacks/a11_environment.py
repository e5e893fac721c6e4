"""Look for the seed of the hidden data in the environment."""

EXERCISE = "answer"
EXPECT = "WA"
CODE = """\
import os
def task():
    return os.environ.get("AUTOGRADE_SEED") and "the secret is 4711"
"""
