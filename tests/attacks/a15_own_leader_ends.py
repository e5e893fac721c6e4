"""The first thread of the process ends during the call; another one works, and answers the judge."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import ctypes, sys, threading, time
def task(n_mib):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Student":
        frame = frame.f_back
    student = frame.f_locals["self"]
    def work():
        time.sleep(0.1)
        everything = np.ones(n_mib * MIB, np.uint8)
        total = int(everything.sum())
        time.sleep(0.1)
        student._connection.send({"value": total})
        student.serve()
    threading.Thread(target=work).start()
    ctypes.CDLL(None).syscall(60, 0)
"""
