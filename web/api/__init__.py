"""The JSON API under /api/v1.

`routes` is the table, `requests` and `shapes` are what goes in and comes out, `views` turns documents into shapes, the
other modules hold the handlers, one subject each.
"""
