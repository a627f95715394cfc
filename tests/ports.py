"""Ports of this machine on which nothing listens."""

import random
import socket

EPHEMERAL = (
    32_768  # from here on the system takes ports for outgoing connections, and may take one before its server binds it
)
CHOSEN = range(20_000, EPHEMERAL)


def free_port() -> int:
    for port in random.SystemRandom().sample(CHOSEN, len(CHOSEN)):  # other tests choose at the same time
        with socket.socket() as listening:
            try:
                listening.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
