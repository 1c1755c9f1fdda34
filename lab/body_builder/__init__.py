"""The steps of building the free default body; `lab/body_builder/build_body.py` runs them."""
