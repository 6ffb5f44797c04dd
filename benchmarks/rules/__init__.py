"""What it costs to match a message against the rules of an agent."""
