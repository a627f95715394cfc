"""Which image belongs to which row of a table."""
