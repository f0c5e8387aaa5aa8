"""MongoDB, and the only folder that knows it: drivers are imported nowhere else.

`schema` declares what is kept and its indexes, `database` connects, the other modules each keep one thing.
Documents travel as plain dictionaries with string `_id`s and aware UTC datetimes.
"""
