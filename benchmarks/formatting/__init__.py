"""What it costs to format replies for their channels."""
