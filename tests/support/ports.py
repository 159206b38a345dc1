"""A port for a program that is told which one to open.

Invariant: nobody else is given it before the program opens it. The kernel gives those from 32,768 up to
every connection, of which the tests make hundreds a second, and to whoever asks for any.
"""

import contextlib
import secrets
import socket

# A Redis of a cluster also listens on its port + 10,000.
_FIRST, _COUNT = 12_000, 10_000


def free_port() -> int:
    """One of those that the kernel gives to nobody. By chance of its own: pytest-randomly begins that of
    `random` anew for each test, alike in each process of a run.
    """
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
