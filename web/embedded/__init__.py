"""A real mongod and a real Valkey as children of the server, for the shop that wants one command and no database.

They listen on Unix sockets that only this user can reach, and live exactly as long as the server does.
"""

from web.embedded.databases import Databases, embedded_databases
from web.embedded.errors import EmbeddedError

__all__ = ["Databases", "EmbeddedError", "embedded_databases"]
