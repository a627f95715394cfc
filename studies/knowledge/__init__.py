"""What a run knows of its networks, and what follows from it."""
