"""The command line: commands, their options, what each does."""
