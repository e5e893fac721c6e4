"""Return what runs code when it is unpickled."""

EXERCISE = "give"
EXPECT = "RTE"
CODE = """\
class Evil:
    def __reduce__(self):
        import os
        return (os.system, ("touch /tmp/autograde-attack-pickle",))
def task():
    return Evil()
"""
