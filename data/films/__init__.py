"""One file to one grey picture, and whether it is a hand."""
