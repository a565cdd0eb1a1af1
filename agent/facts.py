"""What `check --json` and `config show --json` print: the plan and its figures as plain values, durations in seconds."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent import retirements
from agent.config.model import Config
from agent.config.read import Loaded
from agent.figures import Asked, Day, Figures, Worst, day
from agent.slo.objective import Objective
from agent.slo.service import Service
from probes.target import Target


def facts(path: Path, loaded: Loaded, found: Figures) -> dict[str, Any]:
    config = loaded.config
    return {
        "file": str(path),
        "hash": config.hash,
        "vantage": config.vantage,
        "state_dir": config.state_dir,
        "storage": "embedded" if config.storage.embedded else "postgresql",
        "targets": list(target_facts(config, found)),
        "objectives": [objective_facts(config, objective) for objective in config.objectives],
        "services": [service_facts(service) for service in config.services],
        "per_day": day_facts(found.day),
        "series": {"start": found.series.start, "most": found.series.most},
        "errors": [],
        "warnings": list(loaded.warnings),
        "reminders": list(loaded.reminders),
    }


def target_facts(config: Config, found: Figures) -> Iterator[dict[str, Any]]:
    """Yield each target with its probes; one that no probe asks has none."""
    asked = {
        name: tuple(group) for name, group in itertools.groupby(found.asked, key=lambda one: one.target.name)
    }
    for target in config.targets:
        probes = asked.get(target.name, ())
        yield _target(target) | {
            "per_day": day_facts(day(one.cost for one in probes)),
            "probes": [_probe(one) for one in probes],
        }


def objective_facts(config: Config, objective: Objective) -> dict[str, Any]:
    return {
        "name": objective.name,
        "sli": objective.sli,
        "ratio": objective.ratio,
        "window_s": objective.window_s,
        "window": objective.window,
        "threshold_s": objective.threshold_s,
        "at_least_per_s": objective.at_least_per_s,
        "slos": config.ids(objective),
    }


def service_facts(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "at_least": service.at_least,
        "of": service.of,
        "units": service.units,
        "ratio": service.ratio,
        "window_s": service.window_s,
        "team": service.team,
        "members": [{"target": member.target, "probe": member.probe} for member in service.members],
    }


def day_facts(of: Day) -> dict[str, Any]:
    """Return a day; `usd` is what is known of it, null where nothing is."""
    return {
        "probes": of.probes,
        "input_tokens": of.input_tokens,
        "output_tokens": of.output_tokens,
        "usd": of.usd if of.priced else None,
        "unpriced": list(of.unpriced),
        "rows": of.rows,
        "bytes": of.row_bytes,
    }


def _target(target: Target) -> dict[str, Any]:
    price = target.price
    return {
        "name": target.name,
        "provider": target.provider,
        "cloud": target.cloud,
        "region": target.region,
        "served_in": list(target.served_in),
        "model": target.model,
        "model_id": target.model_id,
        "team": target.team,
        "labels": dict(target.labels),
        "simulated": target.simulated,
        "price": None if price is None else {"input": price.input, "output": price.output},
        "price_source": price.source if price else None,
        "retirements": [
            {"key": one.key, "name": one.name, "day": one.day.isoformat(), "source": one.source}
            for one in retirements.of(target)
        ],
    }


def _probe(one: Asked) -> dict[str, Any]:
    return {
        "name": one.workload.name,
        "kind": one.workload.kind,
        "every_s": one.workload.every_s,
        "url": one.url,
        "worst_s": {"refusal": _worst(one.refusal), "hang": _worst(one.hang)},
        "per_day": {
            "probes": one.cost.probes,
            "input_tokens": one.cost.input_tokens,
            "output_tokens": one.cost.output_tokens,
            "usd": one.cost.usd,
        },
    }


def _worst(worst: Worst) -> dict[str, float | None]:
    return {"confirmed": worst.confirmed_s, "paged": worst.paged_s}
