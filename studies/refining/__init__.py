"""Parts of the refinement: what its trials say of the head, and widths by group."""
