"""The search: what a study asks for next, who trains it, and how long that may take."""
