"""What the server of worker processes imports before it forks: TensorFlow, and no device is touched.

A failing import is raised again in the first worker, whose log shows it.
"""

from search.quiet import quietly

with quietly():
    from search import trial  # noqa: F401 # the point of this module
