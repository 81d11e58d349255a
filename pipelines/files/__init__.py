"""Files: what opens a path, the formats, and writing that leaves no half file."""
