"""The steps of building the free default body; `python -m lab build-body` runs them."""
