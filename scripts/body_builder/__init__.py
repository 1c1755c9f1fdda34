"""The steps of building the free default body; `scripts/build_body.py` runs them."""
