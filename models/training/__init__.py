"""How a network is trained: settings, steps, batches."""
