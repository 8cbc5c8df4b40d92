"""Who does the work: threads, processes, and the workers of a real dask scheduler."""
