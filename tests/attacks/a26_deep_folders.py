"""Folders within folders, three thousand deep, for whoever walks through them."""

EXERCISE = "save"
EXPECT = "RTE"
ALONE = True
CODE = """\
import os
def task(path):
    zarr.create_array(path, shape=(100,), chunks=(10,), dtype="uint8")[:] = np.arange(100)
    home = os.getcwd()
    for place in (path, home):
        os.chdir(place)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    os.chdir(home)
"""
