"""One network trained in full: its training, its folder, how good it is, and the model as a function."""
