"""What tables, figures, pages and progress are made of."""
