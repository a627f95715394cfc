"""What the server of worker processes imports before it forks: TensorFlow, with its chatter left out.

TensorFlow's libraries print to file descriptor 2 while they load, before any log level applies. A failing import is
raised again in the first worker, whose log shows it.
"""

import os

terminal = os.dup(2)
silence = os.open(os.devnull, os.O_WRONLY)
os.dup2(silence, 2)
try:
    from search import trial  # noqa: F401 # the point of this module
finally:
    os.dup2(terminal, 2)
    os.close(terminal)
    os.close(silence)
