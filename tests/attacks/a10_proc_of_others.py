"""Read the memory, environment and open files of other processes."""

EXERCISE = "answer"
EXPECT = "WA"
FENCED = True
CODE = """\
import gc, os, sys
from pathlib import Path
def found(texts):
    for text in texts:
        at = text.find("the secret is " + "4")
        if at >= 0:
            return text[at : at + 18]

def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            start, stop = (int(part, 16) for part in span.split("-"))
            if rights.startswith("rw") and stop - start < 2**28:
                memory.seek(start)
                yield memory.read(stop - start).decode("latin-1")
def task():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        for read in (memory, lambda pid: [Path(f"/proc/{pid}/{name}").read_text() for name in ("environ", "cmdline")],
                     lambda pid: [path.read_text(errors="replace") for path in Path(f"/proc/{pid}/cwd/").rglob("*.ipynb")]):
            try:
                if hit := found(read(pid)):
                    return hit
            except (OSError, ValueError):
                continue
"""
