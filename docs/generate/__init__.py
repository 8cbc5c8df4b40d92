"""What the documentation makes of the code: the commands' reference and the floor plan."""
