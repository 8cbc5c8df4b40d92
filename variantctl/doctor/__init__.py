"""Whether what is installed fits the machine, whichever tool installed it: inspection, checks, trial runs."""
