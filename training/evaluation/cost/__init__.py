"""What coding costs: time, delay, memory and arithmetic."""
