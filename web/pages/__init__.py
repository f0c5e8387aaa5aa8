"""The web inbox: pages and fragments. They read through the same services as the API; every write is a call of the API.

`routes` are its rows in the table of endpoints, `desk` is all it reads, `looks` and `thread` are how things are shown.
"""
