"""A file system in memory, in namespaces of one's own."""

EXERCISE = "count"
EXPECT = "RTE"
FENCED = True
CODE = """\
import os, subprocess
def task(n_mib):
    script = f"mount -t tmpfs none /mnt && head -c {n_mib}M /dev/zero > /mnt/x && stat -c %s /mnt/x"
    return int(subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, check=True).stdout)
"""
