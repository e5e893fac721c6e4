"""Keep the data in pipes, in buffers of the kernel."""

EXERCISE = "count"
EXPECT = "MLE or RTE or WA"
FENCED = True
CODE = """\
import fcntl, os, time
def task(n_mib):
    held = []
    for _ in range(n_mib):
        out, into = os.pipe()
        fcntl.fcntl(into, 1031, MIB)
        os.set_blocking(into, False)
        os.write(into, b"x" * MIB)
        os.close(into)
        held.append(out)
    time.sleep(0.2)
    total = 0
    for out in held:
        while part := os.read(out, 65536):
            total += len(part)
        os.close(out)
    return total
"""
