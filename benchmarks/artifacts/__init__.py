"""What it costs to keep the artifacts of phases."""
