"""What leaves the program: lines, streams, files, and the words in them. Knows nobody else."""
