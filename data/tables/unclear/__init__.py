"""What a table may mean in two ways: refused, as one of them would train without an error."""
