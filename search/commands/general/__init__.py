"""What every command has: help, its run, settings from a file; and what the program says of itself."""
