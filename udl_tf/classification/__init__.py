"""A stack classed by views: reading, the pass over everybody, averages, what is written."""
