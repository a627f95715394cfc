"""How many processor cores this process may use."""

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # how many microseconds of a period a container may compute, and the period's


def cores(quota: Path = QUOTA) -> int:
    """Those that a cluster's job may run on, or as many as a container's share of time is worth; not those of the whole machine."""
    most = len(os.sched_getaffinity(0))
    try:
        share, period = quota.read_text(encoding="ascii").split()
        return most if share == "max" else max(min(most, math.ceil(int(share) / int(period))), 1)
    except (OSError, ValueError, ZeroDivisionError):
        return most
