"""What a training leaves of itself as a model."""
