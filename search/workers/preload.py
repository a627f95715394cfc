"""What the server of worker processes imports before it forks: TensorFlow, and no device is touched.

A server that cannot is of no use, and ends; workers of one that has imported nothing then say in their logs what is wrong.
"""

import os
import signal

from search.workers.quiet import quietly

# As its workers do: without their server, nobody learns how they ended.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

with quietly():
    try:
        from search.workers import worker as trial  # noqa: F401 # the point of this module
    except BaseException:  # half of it is imported, and a second try would fail for another reason
        os._exit(1)
