"""How a message looks to each vendor: pure functions from `Message` to what is sent. No address and no secret in here."""
