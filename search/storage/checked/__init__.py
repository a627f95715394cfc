"""The border: what a database holds is of its kind here, or it is named in one sentence."""
