"""Raise its own limits, then write a file that is too large."""

EXERCISE = "save"
EXPECT = "RTE"
FENCED = True
CODE = """\
import resource
def task(path):
    for name in ("RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_NOFILE"):
        try:
            resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (ValueError, OSError):
            pass
    path.mkdir()
    with open(path / "x", "wb") as file:
        file.truncate(2**40)
"""
