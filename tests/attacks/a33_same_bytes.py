"""A thousand times the same 32 MiB on the wire, each to be copied by the judge."""

EXERCISE = "give"
EXPECT = "RTE"
ALONE = True
CODE = """\
import autograde.wire
send = autograde.wire.Connection.send
def lie(self, header, buffers=None):
    if "value" in header:
        header, buffers = {"value": {"k": "list", "v": [{"k": "bytes", "b": 0}] * 1000}}, [bytes(32 * MIB)]
    return send(self, header, buffers)
autograde.wire.Connection.send = lie
def task():
    return np.array([3, 1, 4])
"""
