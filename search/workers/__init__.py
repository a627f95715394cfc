"""A trial in a process of its own, and the conversation with it. The only place that starts processes."""
