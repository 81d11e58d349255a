"""Tables of `sections.py`, a module each: `rows(args, seed)` gives the rows of one."""
