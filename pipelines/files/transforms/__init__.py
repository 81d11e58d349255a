"""Files of transforms: one table, a file a format, and their registry."""
