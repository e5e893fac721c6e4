"""Answer the judge with a pickle of one's own in place of data."""

EXERCISE = "give"
EXPECT = "RTE"
ALONE = True
CODE = """\
import pickle
import autograde.wire
class Evil:
    def __reduce__(self):
        import os
        return (os.system, ("touch /tmp/autograde-attack-wire",))
send = autograde.wire.Connection.send
def lie(self, header, buffers=None):
    if "value" in header:
        header, buffers = {"value": {"k": "object", "b": 0}}, [pickle.dumps(Evil())]
    return send(self, header, buffers)
autograde.wire.Connection.send = lie
def task():
    return np.array([3, 1, 4])
"""
