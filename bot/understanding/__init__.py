"""What a customer's message is about: its intent, how sure that is, and its language. See docs/understanding.md."""
