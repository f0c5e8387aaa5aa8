"""Every collection and index of the house, declared in one place and created at start-up.

Unique constraints carry the promises of the flow: an event, an identity and a message exist once because their `_id` is
derived from what names them (see `inbox.model.ids`); the rest is said by the indexes below.
"""

from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collation import Collation

KEEP_EVENTS_SECONDS = 8 * 86400
"""How long a processed event is remembered for deduplication: longer than any provider repeats itself (7 days)."""

KEEP_CODES_SECONDS = 86400
"""How long a one-time code is remembered, for the limits of asking: longer than it may be used."""

KEEP_TRIES_SECONDS = 3600
"""How long it is remembered that somebody named an order and a phone that do not go together."""

KEEP_REFUSALS_SECONDS = 30 * 86400
"""How long it is told which rows of a file were refused."""

KEEP_TELLINGS_SECONDS = 8 * 86400
"""How long it is remembered what managers were told in the staff companion, so that it is told once."""

KEEP_FIRINGS_SECONDS = 90 * 86400
"""How long it is counted that a rule fired."""

KEEP_PROCESSES_SECONDS = 3600
"""How long a process is remembered that died: much longer than the clocks of two machines may differ."""

_Keys = list[tuple[str, int]]

_ANY_CASE = Collation("en", strength=2)
"""Two names that differ only in case are one name to people."""


class Collection(msgspec.Struct, frozen=True):
    """A collection's name and its indexes beyond `_id`.

    `of_customer` and `of_conversation` say that its documents have a `customer_id` or a `conversation_id`: where cards
    are merged, parted or split, they go where these go (`inbox.storage.merging`). Each needs an index that begins with
    the field.
    """

    name: str
    indexes: tuple[IndexModel, ...] = ()
    of_customer: bool = False
    of_conversation: bool = False
    clustered: bool = False
    """Whether its documents lie in the order of their `_id`s: ranges of them are read, and nothing else."""


def _index(*keys: str, **options: Any) -> IndexModel:
    """An index over `keys`, descending where a key begins with `-`."""
    pairs: _Keys = [(key.lstrip("-"), DESCENDING if key.startswith("-") else ASCENDING) for key in keys]
    return IndexModel(pairs, **options)


COLLECTIONS: tuple[Collection, ...] = (
    Collection("meta"),
    # The three durable work lists. Only live rows are in the partial indexes, so they stay small.
    Collection(
        "journal",
        (
            _index("lease_until", partialFilterExpression={"state": "pending"}, name="due"),
            _index("-received_at", partialFilterExpression={"state": "quarantined"}, name="quarantine"),
            _index("done_at", expireAfterSeconds=KEEP_EVENTS_SECONDS, name="forget"),
        ),
    ),
    Collection(
        "outbox",
        (
            _index("lane", "order", partialFilterExpression={"live": True}, name="lane"),
            _index("message_id", name="message"),
            _index("conversation_id", name="conversation"),
            _index("identity_id", partialFilterExpression={"doubtful": True}, name="doubtful"),
            _index("channel_id", "names", partialFilterExpression={"doubtful": True}, name="names"),
            _index("done_at", expireAfterSeconds=KEEP_EVENTS_SECONDS, name="forget"),
        ),
        of_conversation=True,
    ),
    Collection("lanes", (_index("due_at", name="due"), _index("channel_id", name="channel"))),
    Collection("timers", (_index("due_at", name="due"),)),
    Collection("live", (_index("at", name="at"),)),
    Collection("channels"),
    Collection("listeners"),
    Collection(
        "identities",
        (
            _index("channel_id", "external_id", unique=True, name="one_per_channel"),
            _index("customer_id", name="customer"),
        ),
        of_customer=True,
    ),
    Collection(
        "customers",
        (
            _index("-updated_at", name="recent"),
            _index("name", name="name"),
            _index("phones.number", name="phone"),
            _index("emails.address", name="email"),
            _index("hints.value", name="hint"),
            _index("name_key", name="name_key"),
            _index("merged_into", partialFilterExpression={"merged_into": {"$exists": True}}, name="merged_into"),
        ),
    ),
    # What managers noted on cards; and what happened in conversations besides messages, for the timeline.
    Collection(
        "customer_notes",
        (
            _index("customer_id", "-sort", name="customer"),
            _index("customer_id", partialFilterExpression={"pinned": True}, name="pinned"),
        ),
        of_customer=True,
    ),
    Collection(
        "happenings",
        (_index("customer_id", "-sort", name="customer"), _index("conversation_id", name="conversation")),
        of_customer=True,
        of_conversation=True,
    ),
    # Tags that cards got, to suggest them: case folded, as somebody wrote them, when last.
    Collection("tags"),
    # Cards that were merged, parted again or split; what they were before; and conversations that ended in another one.
    Collection(
        "merges",
        (
            _index("survivor_id", "-at", name="survivor"),
            _index("loser_id", "-at", name="loser"),
        ),
    ),
    Collection("absorbed", (_index("merge_id", "at", name="merge"), _index("into", name="into"))),
    # Pairs of cards that a person has said to be two people.
    Collection("strangers", (_index("customer_ids", name="customers"),)),
    Collection(
        "one_time_codes",
        (
            _index("identity_id", "-created_at", name="identity"),
            _index("contact", "-created_at", name="contact"),
            _index("created_at", expireAfterSeconds=KEEP_CODES_SECONDS, name="forget"),
        ),
    ),
    Collection(
        "conversations",
        (
            _index("customer_id", unique=True, partialFilterExpression={"active": True}, name="one_active"),
            _index("customer_id", "-active", "-closed_at", name="customer"),
            _index("assignee_id", "status", "-last_at", name="assignee"),
            _index("status", "-last_at", name="status"),
            _index("-last_at", name="recent"),
            _index(
                "team_id",
                "-priority",
                "waiting_since",
                "_id",
                "channel_id",
                "wants.language",
                partialFilterExpression={"active": True, "assignee_id": None},
                name="queue",
            ),
            # What counts for whom, to be summed up without reading a conversation.
            _index(
                "active",
                "assignee_id",
                "status",
                "channel_id",
                "_id",
                partialFilterExpression={"active": True},
                name="held",
            ),
            _index(
                "waiting_for.until",
                partialFilterExpression={"waiting_for.until": {"$exists": True}},
                name="kept",
            ),
            # By when customers are to be answered; where a clock stands still nobody knows.
            _index("clock.due_at", "_id", partialFilterExpression={"clock.due_at": {"$type": "date"}}, name="due"),
            # How fast a team's queue was lately given out.
            _index(
                "team_id",
                "-assignment.at",
                partialFilterExpression={"assignment.at": {"$exists": True}},
                name="given_out",
            ),
        ),
        of_customer=True,
    ),
    Collection(
        "messages",
        (
            _index("conversation_id", "sort", name="thread"),
            _index("customer_id", "sort", name="timeline"),
            _index(
                "customer_id", "sort", partialFilterExpression={"attachments.type": {"$exists": True}}, name="files"
            ),
            _index(
                "channel_id",
                "external_ids",
                unique=True,
                partialFilterExpression={"external_ids": {"$exists": True}},
                name="one_per_external_id",
            ),
            _index(
                "conversation_id",
                "client_token",
                unique=True,
                partialFilterExpression={"client_token": {"$exists": True}},
                name="one_per_client_token",
            ),
            # Notices that may still have to go on to another channel.
            _index("state", partialFilterExpression={"notice.handed_on": False}, name="notices"),
        ),
        of_customer=True,
        of_conversation=True,
    ),
    # Messages as HTML, apart from what lists and screens read.
    Collection("bodies"),
    # Edits, deletes, reactions and receipts that came before their message.
    Collection(
        "early_changes",
        (
            _index("channel_id", "external_id", name="message"),
            _index("stored_at", expireAfterSeconds=KEEP_EVENTS_SECONDS, name="forget"),
        ),
    ),
    # How far everything was delivered and read, by identity.
    Collection("watermarks", (_index("stored_at", expireAfterSeconds=KEEP_EVENTS_SECONDS, name="forget"),)),
    Collection(
        "attachments",
        (
            _index("message_id", name="message"),
            _index("conversation_id", name="conversation"),
            _index("macro_id", partialFilterExpression={"macro_id": {"$gt": ""}}, name="macro"),
            _index("file_id", partialFilterExpression={"shared": True}, name="shared"),
            _index("released_at", partialFilterExpression={"released_at": {"$exists": True}}, name="released"),
        ),
        of_conversation=True,
    ),
    Collection(
        "managers",
        (
            _index("email", unique=True, name="one_per_email"),
            # In the orders of `routing.strategies`; only those are in them who could take something.
            _index(
                "ratio",
                "pressure",
                "last_assigned_at",
                "_id",
                partialFilterExpression={"active": True, "status": "online"},
                name="free",
            ),
            _index(
                "last_assigned_at",
                "_id",
                partialFilterExpression={"active": True, "status": "online"},
                name="turn",
            ),
            _index("lost_at", name="lost"),
        ),
    ),
    # Who is there (`inbox.storage.presence`): stretches of connections by process, and the processes.
    Collection(
        "presences",
        (
            _index("manager_id", "closed_at", name="manager"),
            _index("closed_at", "process", name="process"),
        ),
    ),
    Collection("processes", (_index("lease_until", expireAfterSeconds=KEEP_PROCESSES_SECONDS, name="forget"),)),
    Collection(
        "sessions",
        (_index("manager_id", name="manager"), _index("expires_at", expireAfterSeconds=0, name="forget")),
    ),
    Collection("teams", (_index("name", unique=True, collation=_ANY_CASE, name="one_per_name"),)),
    Collection(
        "macros",
        (
            _index(
                "owner_id",
                "shortcut",
                unique=True,
                partialFilterExpression={"shortcut": {"$gt": ""}},
                collation=_ANY_CASE,
                name="one_per_shortcut",
            ),
        ),
    ),
    # Unique by (source, number), because an order's id is made of the two.
    Collection(
        "orders",
        (
            _index("number", "source", name="number"),
            _index("customer_id", "-created_at", name="customer"),
            _index("status", "-changed_at", name="status"),
            _index("-changed_at", name="recent"),
            _index("source", "external_id", name="source"),
            _index("contact.phone", partialFilterExpression={"customer_id": None}, name="waiting_phone"),
            _index("contact.email", partialFilterExpression={"customer_id": None}, name="waiting_email"),
            # What customers are due to be told of: `due_notices` is not empty.
            _index("changed_at", partialFilterExpression={"noticing": True}, name="noticing"),
        ),
        of_customer=True,
    ),
    Collection("order_sources"),
    # Strangers who named an order and a phone (`inbox.storage.order_tries`).
    Collection(
        "order_tries",
        (
            _index("who", "-at", name="who"),
            _index("order", "-at", name="order"),
            _index("at", expireAfterSeconds=KEEP_TRIES_SECONDS, name="forget"),
        ),
    ),
    Collection("macro_uses", (_index("macro_id", name="macro"),)),
    # What customers wrote before a macro was sent to them: hashed, and only the newest of it.
    Collection(
        "macro_cases",
        (_index("macro_id", "-at", name="macro"), _index("at", name="oldest"), _index("customer_id", name="customer")),
        of_customer=True,
    ),
    # What the bot does by itself, every earlier form of it, and that it did it.
    Collection("rules", (_index("position", "_id", name="order"),)),
    Collection("rule_versions", (_index("rule_id", "-version", name="rule"),)),
    Collection(
        "rule_firings",
        (
            _index("rule_id", "at", name="rule"),
            _index("at", expireAfterSeconds=KEEP_FIRINGS_SECONDS, name="forget"),
        ),
    ),
    # What the bot has asked and waits to hear, by conversation.
    Collection(
        "questions",
        (_index("customer_id", name="customer"), _index("forget_at", expireAfterSeconds=0, name="forget")),
        of_customer=True,
    ),
    # What rules told other systems.
    Collection(
        "webhook_calls",
        (
            _index("customer_id", name="customer"),
            _index("rule_id", "-at", name="rule"),
            _index("forget_at", expireAfterSeconds=0, name="forget"),
        ),
        of_customer=True,
    ),
    Collection(
        "tasks",
        (
            _index("due_at", partialFilterExpression={"open": True}, name="due"),
            _index("done_at", partialFilterExpression={"open": False}, name="done"),
            _index("customer_id", "due_at", name="customer"),
            _index("conversation_id", "due_at", name="conversation"),
        ),
        of_customer=True,
        of_conversation=True,
    ),
    # What customers are to be told of their orders. Under a derived id, so that it is done once.
    Collection(
        "notices",
        (
            _index("due_at", partialFilterExpression={"open": True}, name="due"),
            _index("order_id", "no", name="order"),
        ),
    ),
    Collection("parcels", (_index("carrier", "next_look_at", name="due"),)),
    Collection("carriers"),
    # The index of search (`inbox.storage.search`).
    Collection("search_segments", (_index("kind", "live", name="live"), _index("retired_at", name="retired"))),
    Collection("search_blocks", clustered=True),
    Collection("search_pages"),
    Collection("search_roles"),
    Collection("audit", (_index("-at", name="recent"), _index("object_id", "-at", name="object"))),
    # Files that are read in, and the rows of them that were refused.
    Collection("imports", (_index("-at", name="recent"),)),
    Collection(
        "import_refusals",
        (
            _index("import_id", "row", name="import"),
            _index("at", expireAfterSeconds=KEEP_REFUSALS_SECONDS, name="forget"),
        ),
    ),
    # People who were erased: the proof of it, and until all is gone what is still to be removed.
    Collection("erasures", (_index("-at", name="recent"),)),
    Collection("erasing_portions", (_index("erasure_id", name="erasure"),)),
    # What became of each case, and the sums over them by hour. Erasing leaves nothing of a case but what it added to
    # sums, by which nobody is known (`inbox.storage.numbers`).
    Collection(
        "cases",
        (
            _index("conversation_id", "no", name="conversation"),
            _index("shares.key", name="hours"),
            _index("stale", partialFilterExpression={"stale": {"$exists": True}}, name="stale"),
        ),
    ),
    Collection("hours", (_index("hour", name="hour"),)),
    Collection("number_roles"),
    Collection("settings"),
    # The staff companion (`inbox.storage.staff`): its bot, the accounts linked to it, and what these were told.
    Collection("staff_bots"),
    Collection("staff_links", (_index("manager_id", unique=True, name="one_per_manager"),)),
    Collection(
        "staff_codes",
        (_index("manager_id", name="manager"), _index("expires_at", expireAfterSeconds=0, name="forget")),
    ),
    Collection(
        "staff_tellings",
        (
            _index("conversation_id", name="conversation"),
            _index("at", expireAfterSeconds=KEEP_TELLINGS_SECONDS, name="forget"),
        ),
        of_conversation=True,
    ),
)
