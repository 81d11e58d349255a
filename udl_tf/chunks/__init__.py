"""Work on a long series of items, chunk by chunk: run, store, executors. Knows nothing of particles."""
