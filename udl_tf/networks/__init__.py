"""Networks and the parts they are put together from; the parts know nothing of each other."""
