"""A child whose first thread has ended while another one holds the data: /proc shows a zombie."""

EXERCISE = "count"
EXPECT = "MLE"
CODE = """\
import ctypes, os, threading, time
def task(n_mib):
    asking, asked = os.pipe()
    child = os.fork()
    if child == 0:
        def work():
            time.sleep(0.1)
            everything = bytearray(b"x") * (n_mib * MIB)
            time.sleep(0.2)
            os.write(asked, everything.count(b"x").to_bytes(8, "big"))
            os._exit(0)
        threading.Thread(target=work).start()
        ctypes.CDLL(None).syscall(60, 0)
    total = int.from_bytes(os.read(asking, 8), "big")
    os.waitpid(child, 0)
    return total
"""
