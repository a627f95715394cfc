"""How an existing model does on a labelled set that it was not made from; its correction by a part of that set, or further training."""
