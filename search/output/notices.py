"""What is said wherever results are shown."""

SYNTHETIC = "synthetic phantom images: these figures say nothing about patients"
NO_DEVICE = "research software, not a medical device"
