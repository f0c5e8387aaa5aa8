"""The domain: what a conversation is, how events become messages, how replies leave, and where all of it is kept.

Nothing here imports another room of the house. The upper rooms subscribe to `inbox.events`.
"""
