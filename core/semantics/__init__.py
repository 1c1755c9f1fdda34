"""Language about two people: contacts that a prompt asks for, captions of a motion, and embeddings of sentences."""
