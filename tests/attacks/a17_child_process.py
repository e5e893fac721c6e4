"""Let a child process hold the memory."""

EXERCISE = "count"
EXPECT = "MLE"
CODE = """\
import subprocess, sys
def task(n_mib):
    code = f"x = bytearray(b'x') * ({n_mib} << 20); import time; time.sleep(0.3); print(len(x))"
    return int(subprocess.run([sys.executable, "-S", "-c", code], capture_output=True).stdout)
"""
