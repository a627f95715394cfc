"""A search seen while it runs: dashboard, TensorBoard, terminal."""
