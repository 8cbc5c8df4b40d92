"""Who does the work on many files: threads or processes of this machine, or the workers of a dask cluster."""
