"""Kill every process that can be seen, the judge and the meter first."""

EXERCISE = "double"
EXPECT = "WA"
FENCED = True
CODE = """\
import os, signal
def task(values):
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
    assert len(seen) < 10, "this is no sandbox, and would be the end of the machine"
    for pid in (os.getppid(), 1, -1):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return 3
"""
