"""A whole take made smooth over time, as much as each joint needs at each moment."""
