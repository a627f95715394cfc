"""How many processor cores this process may use. All packages may import this file."""

import os


def cores() -> int:
    """Those that a cluster or a container gives to this job, not those of the whole machine."""
    return len(os.sched_getaffinity(0))
