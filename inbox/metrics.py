"""Every number that the flow reports. Names are part of the public surface; they carry no customer data."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Metrics:
    """One registry a process, handed to whoever counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.webhook_events = Counter(
            "skrynka_webhook_events",
            "Webhook events by what became of them: accepted, duplicate, rejected, quarantined.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.journal_pending = Gauge(
            "skrynka_journal_pending", "Accepted events that are not processed yet.", registry=self.registry
        )
        self.outbox_pending = Gauge(
            "skrynka_outbox_pending", "Requests to providers that still have to go.", ["kind"], registry=self.registry
        )
        self.channel_state = Gauge(
            "skrynka_channel_state",
            "1 for the state that a channel is in: connected, degraded, paused, disconnected.",
            ["channel", "kind", "state"],
            registry=self.registry,
        )
        self.ingest_seconds = Histogram(
            "skrynka_ingest_seconds",
            "From a webhook accepted to its message visible on the live feed.",
            buckets=_FAST,
            registry=self.registry,
        )
        self.ingest_batch = Histogram(
            "skrynka_ingest_batch_events",
            "How many events one batch processed.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
            registry=self.registry,
        )
        self.assigned = Counter("skrynka_assign", "Assignments by their reason.", ["reason"], registry=self.registry)
        self.sends = Counter(
            "skrynka_sends", "Requests to providers by outcome.", ["kind", "outcome"], registry=self.registry
        )
        self.orders = Counter(
            "skrynka_orders",
            "What happened to orders: created, moved, moved_irregularly, linked.",
            ["outcome"],
            registry=self.registry,
        )
        self.live_connections = Gauge(
            "skrynka_live_connections", "Browsers on the live feed of this process.", registry=self.registry
        )
