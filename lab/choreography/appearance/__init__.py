"""Clothes, hair and faces for bare bodies: materials per triangle, thickness per vertex, painted textures."""
