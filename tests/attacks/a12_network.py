"""Send things out by network, name service, unix sockets or to the host of a virtual machine."""

EXERCISE = "answer"
EXPECT = "WA"
FENCED = True
CODE = """\
import os, socket
def task():
    sent = []
    for family, address in ((socket.AF_INET, ("192.0.2.1", 53)), (socket.AF_INET6, ("2001:db8::1", 53)),
                            (socket.AF_VSOCK, (2, 1024)), (socket.AF_UNIX, "/run/systemd/journal/socket"),
                            (socket.AF_UNIX, "/var/run/docker.sock")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM if family != socket.AF_VSOCK else socket.SOCK_STREAM) as one:
                one.settimeout(1)
                one.connect(address)
                sent.append(family)
        except OSError:
            pass
    return sent and "the secret is 4711"
"""
