"""Studies before and after those of the order: from which family a search starts, and how good what it decided for is."""
