"""The system calls that a fenced-in student process may not make, as a filter for bubblewrap (`--seccomp`).

Everything that would hold memory where no meter looks (files without a name, segments that are not mapped, pages that are
huge or secret, a tmpfs in a namespace of one's own), reach out of the sandbox past its namespaces (vsock, keyrings), or read
other processes. What is refused fails with EPERM as it would in many containers; nothing that the course needs is among it.
"""

from __future__ import annotations

import errno
import platform
import struct

__all__ = ["student_filter"]

#: By machine: its number in audit.h, the numbers of the calls, and where the other numbering of x86 begins.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_OTHER_NUMBERING = 0x40000000  # x32

#: Numbers on (x86_64, aarch64); None where the call does not exist.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "vmsplice": (278, 75),
    "personality": (135, 92),
    "sync": (162, 81),
}
_CLONE3 = (435, 435)  # its flags lie in memory, where a filter cannot look: glibc falls back to clone
_CLONE, _MMAP, _SOCKET, _PRCTL = (56, 220), (9, 222), (41, 198), (157, 167)
_FCNTL, _SETSOCKOPT = (72, 25), (54, 208)
_CLONE_FILES, _CLONE_THREAD = 0x400, 0x10000
_F_SETPIPE_SZ = 1031
_SOL_SOCKET, _BUFFER_SIZES = 1, (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF, and the same by force
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWUSER and the like
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_HUGETLB = 0x01, 0x20, 0x40000
_FAMILIES = (1, 2, 10, 16)  # unix, IPv4, IPv6 and netlink, which all belong to the network namespace
_PR_SET_THP_DISABLE = 41

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ, JGE, JSET, RET
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data


def student_filter(machine: str | None = None) -> bytes | None:
    """The filter as bytes of struct sock_filter; None for a machine whose numbers are not known here."""
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    arch, column = known
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if column == 0:
        steps += [(_AT_LEAST, 0, 1, _OTHER_NUMBERING), _refuse(errno.ENOSYS)]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            steps += [(_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    steps += [(_EQUAL, 0, 1, _CLONE3[column]), _refuse(errno.ENOSYS)]
    allow = (_RETURN, 0, 0, _ALLOW)
    for number, test in (
        (
            _CLONE[column],  # a thread with descriptors of its own would hide what they hold
            [
                _argument(0),
                (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
                _refuse(errno.EPERM),
                (_ANY_BIT, 0, 2, _CLONE_THREAD),
                (_ANY_BIT, 1, 0, _CLONE_FILES),
                _refuse(errno.EPERM),
            ],
        ),
        (_FCNTL[column], [_argument(1), (_EQUAL, 0, 1, _F_SETPIPE_SZ), _refuse(errno.EPERM)]),
        (
            _SETSOCKOPT[column],  # it says that it has been done, as the kernel does beyond its limit
            [
                _argument(1),
                (_EQUAL, 0, len(_BUFFER_SIZES) + 2, _SOL_SOCKET),
                _argument(2),
                *((_EQUAL, len(_BUFFER_SIZES) - 1 - place, 0, size) for place, size in enumerate(_BUFFER_SIZES[:-1])),
                (_EQUAL, 0, 1, _BUFFER_SIZES[-1]),
                _refuse(0),
            ],
        ),
        (
            _MMAP[column],
            [
                _argument(3),
                (_ANY_BIT, 0, 1, _MAP_HUGETLB),
                _refuse(errno.ENOMEM),
                (_ANY_BIT, 0, 2, _MAP_ANONYMOUS),
                (_ANY_BIT, 0, 1, _MAP_SHARED),
                _refuse(errno.EPERM),
            ],
        ),
        (
            _SOCKET[column],
            [
                _argument(0),
                *((_EQUAL, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)),
                _refuse(errno.EAFNOSUPPORT),
            ],
        ),
        (
            _PRCTL[column],  # huge pages may be turned off, not on again
            [
                _argument(0),
                (_EQUAL, 0, 5, _PR_SET_THP_DISABLE),
                _argument(1),
                (_EQUAL, 2, 0, 0),
                _argument(2),
                (_EQUAL, 1, 0, 0),
                _refuse(errno.EPERM),
            ],
        ),
    ):
        steps += [(_EQUAL, 0, len(test) + 1, number), *test, allow]
    steps.append(allow)
    return b"".join(struct.pack("<HBBI", code, yes, no, value) for code, yes, no, value in steps)


def _argument(place: int) -> tuple[int, int, int, int]:
    """Load the lower half of an argument; flags of these calls fit in it."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place)


def _refuse(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | number)
