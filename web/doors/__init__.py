"""Who may come in: the table of endpoints, and everything that stands before a handler.

`table` says what a row is, `gate` puts rows on the server and enforces them, the other modules each watch one thing.
"""
