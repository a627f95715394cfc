"""Around the studies of the order: those before and after them, and which of a run's studies stands on whose decision."""
