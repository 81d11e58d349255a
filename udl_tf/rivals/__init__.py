"""Other methods of alignment, those of the papers: each takes the same pairs."""
