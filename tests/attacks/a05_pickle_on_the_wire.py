"""Answer the judge with a pickle of one's own in place of data."""

EXERCISE = "give"
EXPECT = "RTE"
ALONE = True
CODE = """\
import pickle
class Evil:
    def __reduce__(self):
        import os
        return (os.system, ("touch /tmp/autograde-attack-wire",))
def task():
    import sys
    frame = sys._getframe()
    while frame is not None:  # the loop that answers the judge is among the callers
        if "pack" in frame.f_globals and "Student" in frame.f_globals:
            frame.f_globals["pack"] = lambda value, buffers, **_: (
                buffers.append(pickle.dumps(Evil())) or {"k": "object", "b": 0}
            )
        frame = frame.f_back
    return 1
"""
