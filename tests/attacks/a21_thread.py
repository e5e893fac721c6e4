"""A thread works between the calls, where nobody measures."""

EXERCISE = "count"
EXPECT = "MLE"
ALONE = True
CODE = """\
import threading
done = []
def work():
    everything = np.ones(48 * MIB, np.uint8)
    done.append((everything, int(everything.sum())))
threading.Thread(target=work, daemon=True).start()
def task(n_mib):
    while not done:
        pass
    return done[0][1]
"""
