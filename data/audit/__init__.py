"""What is worrying about prepared data."""
