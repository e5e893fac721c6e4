"""A zarr array that declares petabytes."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
def task(path):
    zarr.create_array(path, shape=(2**52,), chunks=(2**20,), dtype="uint8")
"""
