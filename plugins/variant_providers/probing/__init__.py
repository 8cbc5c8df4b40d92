"""How detectors look at a machine: files, buses, and drivers in child processes."""
