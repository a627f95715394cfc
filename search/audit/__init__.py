"""The audit of the prepared data as people meet it: sentences before a training, rows, a page."""
