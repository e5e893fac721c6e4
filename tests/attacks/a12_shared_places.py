"""Leave files for others in places that all can write to."""

EXERCISE = "answer"
EXPECT = "WA"
FENCED = True
CODE = """\
import os
def task():
    left = 0
    for place in ("/tmp", "/dev/shm", "/var/tmp", "/run/lock"):
        try:
            with open(f"{place}/autograde-attack-shared", "w") as file:
                file.write("the secret is 4711")
            left += 1
        except OSError:
            pass
"""
