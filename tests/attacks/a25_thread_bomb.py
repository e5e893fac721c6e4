"""Threads without end."""

EXERCISE = "double"
EXPECT = "RTE"
FENCED = True
CODE = """\
import threading, time
def task(values):
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""
