"""Prometheus metrics of a server."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True)
class Metrics:
    """Counts of one server, in a registry of its own."""

    registry: CollectorRegistry
    requests: Counter
    cancelled: Counter
    extinct: Counter
    tokens: Counter
    queued: Gauge
    particles: Gauge
    batches: Gauge
    seconds: Histogram
    step_seconds: Histogram

    @classmethod
    def fresh(cls) -> Metrics:
        """Return metrics that stand at zero."""
        own = CollectorRegistry()
        return cls(
            registry=own,
            requests=Counter(
                "smc_requests", "Requests answered", ["route", "status"], registry=own
            ),
            cancelled=Counter("smc_cancelled", "Jobs whose client went away", registry=own),
            extinct=Counter("smc_extinct", "Jobs in which every particle died", registry=own),
            tokens=Counter("smc_particle_tokens", "Particle-tokens drawn", registry=own),
            queued=Gauge("smc_queue", "Jobs that wait", registry=own),
            particles=Gauge("smc_particles", "Particles that run", registry=own),
            batches=Gauge("smc_batches", "Batches that run", registry=own),
            seconds=Histogram("smc_request_seconds", "Time of a request", registry=own),
            step_seconds=Histogram("smc_step_seconds", "Time of one token", registry=own),
        )
