"""Keep the data in connections that nobody reads from, in buffers of the kernel."""

EXERCISE = "count"
EXPECT = "MLE"
FENCED = True
CODE = """\
import socket, time
def task(n_mib):
    server = socket.create_server(("127.0.0.1", 0))
    held = []
    for _ in range(n_mib):
        one = socket.create_connection(server.getsockname())
        other = server.accept()[0]
        one.setblocking(False)
        left = MIB
        while left > 0:
            try:
                left -= one.send(b"x" * min(left, 65536))
            except BlockingIOError:
                time.sleep(0.001)
                raise
        held.append((one, other))
    time.sleep(0.2)
    total = 0
    for one, other in held:
        one.close()
        while part := other.recv(65536):
            total += len(part)
    return total
"""
