"""What a release has beside its wheels: the one file, and the script that puts it in place."""
