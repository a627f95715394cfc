"""What a search wants next and what it will cost, by its studies' own rules; without Optuna."""
