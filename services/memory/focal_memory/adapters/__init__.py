"""What speaks to the outside in core's name: PostgreSQL. No rule about memory is decided here."""
