"""Warnings on standard error cost nothing."""

EXERCISE = "double"
EXPECT = "AC"
NBGRADER = True
CODE = """\
import sys, warnings
def task(values):
    warnings.warn("careful")
    print("working", file=sys.stderr)
    return 2 * values
"""
