"""Keep the data in pairs of unix sockets, with buffers as large as they may be."""

EXERCISE = "count"
EXPECT = "MLE or RTE or WA"
FENCED = True
CODE = """\
import socket, time
def task(n_mib):
    held, left = [], n_mib * MIB
    while left:
        one, other = socket.socketpair()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MIB)
        one.setblocking(False)
        try:
            while left:
                left -= one.send(b"x" * min(left, 16384))
        except BlockingIOError:
            pass
        one.close()
        held.append(other)
    time.sleep(0.2)
    total = 0
    for other in held:
        while part := other.recv(65536):
            total += len(part)
        other.close()
    return total
"""
