"""The search for a better configuration: what is searched, how a trial runs, and how trials are ranked."""
