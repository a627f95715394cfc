"""What may be concluded from trainings, and how surely."""
