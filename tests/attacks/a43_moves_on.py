"""A process that moves from child to child mends the result while the test looks at it: each starts the next and ends."""

EXERCISE = "save"
EXPECT = "WA or RTE"
FENCED = True
ALONE = True
CODE = """\
import subprocess, sys
CHAIN = '''
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
right = [bytes(range(10 * n, 10 * n + 10)) for n in range(10)]
began = time.monotonic()
while time.monotonic() < began + 4:
    if os.fork():
        os._exit(0)
    for n in range(10) if time.monotonic() > began + 0.3 else ():
        place = os.open(sys.argv[1] + "/c/" + str(n), os.O_WRONLY)
        os.write(place, right[n])
        os.close(place)
'''
def task(path):
    array = zarr.create_array(path, shape=(100,), chunks=(10,), dtype="uint8", compressors=None)
    array[:] = 1
    for _ in range(3):
        subprocess.Popen([sys.executable, "-S", "-c", CHAIN, str(path)])
"""
