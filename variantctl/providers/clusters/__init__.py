"""Machines from what a cluster knows of its nodes (Kubernetes' labels, Slurm's GRES), equal ones as one."""
