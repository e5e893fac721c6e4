"""Patch the grader's own classes and functions, wherever they can be found."""

EXERCISE = "double"
EXPECT = "WA"
ALONE = True
CODE = """\
import gc, sys
gc.unfreeze()
for name, module in list(sys.modules.items()):
    if name.startswith("autograde"):
        for word in ("verdict_of", "result_of", "check_zarr_tree", "judge_notebook"):
            if hasattr(module, word):
                setattr(module, word, lambda *args, **kwargs: "AC")
import autograde.types
autograde.types.Outcome = autograde.types.TestResult = type("Passed", (), {"exit": "passed", "points": 100})
def task(values):
    for one in gc.get_objects():
        if type(one).__name__ in ("Outcome", "TestResult", "Report"):
            object.__setattr__(one, "points", 100)
    return 3
"""
