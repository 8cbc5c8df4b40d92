"""Requirements as people write them: on a command line, and in requirements files."""
