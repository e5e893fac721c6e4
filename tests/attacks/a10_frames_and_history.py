"""Look for the hidden tests in frames, gc, history, and the working directory."""

EXERCISE = "answer"
EXPECT = "WA"
NBGRADER = True
CODE = """\
import gc, os, sys
from pathlib import Path
def found(texts):
    for text in texts:
        at = text.find("the secret is " + "4")
        if at >= 0:
            return text[at : at + 18]

def task():
    texts, frame = [], sys._getframe()
    while frame is not None:
        texts += [repr(frame.f_locals)[:10**6], repr(list(frame.f_globals))[:10**6]]
        frame = frame.f_back
    gc.unfreeze()
    texts += [one for one in gc.get_objects() if isinstance(one, str)]
    texts += [str(value) for one in gc.get_objects() if type(one) is dict for value in one.values() if type(value) is str]
    texts += list(map(str, get_ipython().user_ns.get("In", [])))
    for place in (".", "..", os.environ.get("TMPDIR", ".")):
        texts += [path.read_text(errors="replace") for path in Path(place).glob("**/*") if path.is_file()]
    return found(texts)
"""
