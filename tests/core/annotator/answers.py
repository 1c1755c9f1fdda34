"""Answers that models give."""

GOOD = (
    '{"sentence": "Person A puts a hand on person B\'s back.", "who": "A", '
    '"touches": [{"A": "hand", "B": "back", "first": 1, "last": 3}]}'
)
REFUSAL = "I'm sorry, but I can't help with identifying people in pictures."
