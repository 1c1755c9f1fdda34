"""Models of the Hugging Face hub that a user may add: what there is, how it is fetched and checked, where it lies.

Nothing here is needed for a reconstruction. At the top of these modules only the standard library is imported, so that
`doctor` can tell of the models where nothing is installed.
"""
