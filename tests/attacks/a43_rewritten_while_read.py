"""A thread mends the result while the test looks at it."""

EXERCISE = "save"
EXPECT = "WA"
CODE = """\
import threading, time
def task(path):
    array = zarr.create_array(path, shape=(100,), chunks=(10,), dtype="uint8", compressors=None)
    array[:] = 1
    def mend():
        time.sleep(0.02)
        while True:
            array[:] = np.arange(100)
    threading.Thread(target=mend, daemon=True).start()
"""
