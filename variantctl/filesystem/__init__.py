"""What every room asks of a file system: locks, links, room on the disk, and files that appear whole."""
