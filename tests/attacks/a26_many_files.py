"""A million files."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
def task(path):
    path.mkdir()
    for n in range(1_000_000):
        (path / str(n)).touch()
"""
