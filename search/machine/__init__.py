"""What this machine trains on, and whether it does."""
