"""In-memory twins of the toolbox's ports, one module per port. No tests and no servers here."""
