"""What words say about two people: contacts from phrases, and sentences from motion."""
