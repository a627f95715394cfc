"""The strategy against its rivals, on trainings that are run or recorded."""
