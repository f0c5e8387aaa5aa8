"""The top of the house: HTTP, pages, the live socket, the command line, and the wiring of everything below."""
