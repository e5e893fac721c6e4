"""An array of the right shape whose one chunk is a terabyte when it is read."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
def task(path):
    zarr.create_array(path, shape=(100,), chunks=(2**40,), dtype="uint8")
"""
