"""What is known about devices, as data; every table names where it comes from."""
