"""Metrics that travel: a process keeps them with prometheus_client, its heartbeat carries them as JSON, any api tells
them at /metrics with the name of the worker (ADR 7)."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

#: [name, what it is, type, [[name of the sample, labels, value], …]]
Told = list[list[Any]]


def told(registry: CollectorRegistry) -> Told:
    """All of a registry, as JSON can have it."""
    return [
        [
            metric.name,
            metric.documentation,
            metric.type,
            # When a process began to count is said by its own row.
            [[one.name, one.labels, one.value] for one in metric.samples if not one.name.endswith("_created")],
        ]
        for metric in registry.collect()
    ]


def gathered(workers: Iterable[tuple[Mapping[str, str], Told]]) -> list[Metric]:
    """One metric for each name, with the samples of every worker under its labels."""
    metrics: dict[str, Metric] = {}
    for labels, metrics_told in workers:
        for name, documentation, kind, samples in metrics_told:
            metric = metrics.setdefault(name, Metric(name, documentation, kind))
            for sample, own, value in samples:
                metric.add_sample(sample, {**own, **labels}, value)
    return list(metrics.values())
