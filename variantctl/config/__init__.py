"""What the user configured: our file, pip's configuration, variables, and which backends are asked."""
