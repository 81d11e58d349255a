"""Methods that answer with a field of displacements, learned and classical; see `registry`."""
