"""What a server of the Simple API is made of: a socket, negotiation, pages, files, and their limits."""
