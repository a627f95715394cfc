"""What a trial leaves on the disk while it runs and once it has ended."""
