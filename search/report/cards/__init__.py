"""Cards of the report: what each says, from decisions alone."""
