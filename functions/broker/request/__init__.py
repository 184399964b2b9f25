"""What was sent: the event and its form, the proof in it, and what it asks for."""
