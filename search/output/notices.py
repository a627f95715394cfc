"""What is said wherever results are shown."""

SYNTHETIC = "synthetic phantom images: these figures say nothing about patients"
KNOWS_DRAWN = "the model was trained on drawn hands alone: its answers about radiographs mean nothing"
NO_DEVICE = "research software, not a medical device"


def of_drawn_hands(*, cases: bool, model: bool = False) -> str:
    """What is to be known where the cases are drawn, or those that the model was trained on were; else empty."""
    return SYNTHETIC if cases else KNOWS_DRAWN if model else ""


def notice(drawn: str) -> str:
    """With what is said of drawn hands, if there are any."""
    return f"{drawn}; {NO_DEVICE}" if drawn else NO_DEVICE
