"""Studies in a database: opened, read, believed, copied. The only place that touches what Optuna keeps to itself."""
