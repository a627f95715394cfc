"""What a search has found, and what its data are, as pages and text."""
