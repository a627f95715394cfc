"""A folder as its owner left it: which table and which file belong to which case."""
