"""The agent decides: what is asked when, what it means, who is told."""
