"""What a gateway counts."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_LATE_SECONDS = (0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 600.0, 3600.0, 86400.0)
_MESSAGES = (1, 5, 10, 50, 100, 250, 500, 1000)


class LaneMetrics:
    """What lanes count; one of each for a process; updated once a batch, not once a message."""

    def __init__(self, *lanes: str) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received", "messages taken from the broker")
        self.stored = self._counter("stored", "readings and events stored, repeats not counted")
        self.repeats = self._counter("repeats", "readings and events that were stored already")
        self.rejected = self._counter("rejected", "what went to quarantine, by its reason", "lane", "reason")
        self.batch = self._histogram("batch_messages", "messages in a transaction", _MESSAGES)
        self.from_receipt = self._histogram(
            "lag_from_receipt_seconds", "from the receipt of a batch's oldest message to its commit", _SECONDS
        )
        self.from_device = self._histogram(
            "lag_from_device_seconds",
            "from the device's own time to the commit, of one reading or event of each batch",
            _LATE_SECONDS,
        )
        for lane in lanes:  # there from the start: a rate needs a zero to begin from
            for metric in (self.received, self.stored, self.repeats, self.batch, self.from_receipt, self.from_device):
                metric.labels(lane)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"anhu_gateway_{name}", what, labels or ("lane",), registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"anhu_gateway_{name}", what, ("lane",), buckets=buckets, registry=self.registry)

    def committed(
        self, lane: str, messages: int, oldest: datetime, device_time: datetime | None, now: datetime
    ) -> None:
        """A batch is stored; `oldest` is when the first of its messages was received."""
        self.received.labels(lane).inc(messages)
        self.batch.labels(lane).observe(messages)
        self.from_receipt.labels(lane).observe(max(0.0, (now - oldest).total_seconds()))
        if device_time is not None:
            self.from_device.labels(lane).observe(max(0.0, (now - device_time).total_seconds()))


class GatewayMetrics(LaneMetrics):
    """What is told once for a gateway, beside what its lanes count."""

    def __init__(self, *lanes: str) -> None:
        super().__init__(*lanes)
        self.waiting = self._gauge("waiting", "messages that wait in a lane", "lane")
        self.connections = self._gauge("connections", "how often a connection was made", "slot", "connection")
        self.sources = self._gauge("source_messages", "messages of each source", "source")
        self.dropped = self._gauge("broker_dropped", "messages the broker threw away: must stay still")

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"anhu_gateway_{name}", what, labels, registry=self.registry)
