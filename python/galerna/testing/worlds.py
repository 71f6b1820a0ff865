"""Tiny worlds: a few hosts, a few VMs, a few hours, each hard in one way."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class World(NamedTuple):
    """A fleet and the load of its VMs."""

    name: str
    story: str
    cpu_pct: Sequence[Sequence[int]]
    """Per VM and five-minute sample the load in whole per cent of what the VM may ask for."""
    hosts: int
    """Half of them HP ProLiant ML110 G4, the others G5."""
    ram_gib: int = 32
    """Memory of a host."""


def steady(vms: int, samples: int, level: int) -> list[list[int]]:
    """The same load all the time."""
    return [[level] * samples for _ in range(vms)]


def noisy(vms: int, samples: int, low: int, high: int, seed: int) -> list[list[int]]:
    """Every sample drawn anew."""
    draw = random.Random(seed)
    return [[draw.randint(low, high) for _ in range(samples)] for _ in range(vms)]


def surge(vms: int, samples: int) -> list[list[int]]:
    """A slow wave that takes every other VM from nearly nothing to everything and back."""
    wave = [round(50 - 45 * math.cos(2 * math.pi * k / samples)) for k in range(samples)]
    return [wave if vm % 2 else [20 + vm % 7] * samples for vm in range(vms)]


def on_and_off(vms: int, samples: int) -> list[list[int]]:
    """VMs that ask for exactly nothing for hours, and then for much."""
    return [[0 if (k // 7 + vm) % 3 else 70 for k in range(samples)] for vm in range(vms)]


WORLDS = (
    World("one VM", "one VM on one host", steady(1, 15, 40), 1),
    World("two samples", "a single decision, hardly a past", noisy(6, 2, 10, 60, 1), 4),
    World("calm", "little load: hosts can be emptied", steady(12, 40, 15), 6),
    World("surge", "half the VMs rise together and fall again", surge(24, 48), 12),
    World("noise", "load jumps from sample to sample", noisy(24, 48, 0, 100, 2), 16),
    World("on and off", "VMs ask for exactly nothing, then for much", on_and_off(20, 42), 12),
    World("little memory", "memory runs out before CPU", noisy(18, 36, 5, 45, 3), 8, 4),
    World("full", "hardly any host has room", steady(8, 12, 30) + noisy(8, 12, 30, 100, 4), 8),
)
"""The worlds in which `check_policy` runs a policy."""


@contextmanager
def tiny_world(
    cpu_pct: Sequence[Sequence[int]],
    *,
    hosts: int = 4,
    ram_gib: int = 32,
    policy: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """A spec for `galerna.run` in which VM `i` asks for `cpu_pct[i][k]` per cent in sample `k`.

    It is of use while the `with` block lasts.

    >>> import galerna as gl
    >>> with tiny_world([[20, 20, 90], [30, 30, 30]], hosts=2) as spec:
    ...     gl.run(spec, overload="thr").vms.height
    2
    """
    import polars as pl

    width = len(str(len(cpu_pct)))
    rows = [(f"vm{i:0{width}}", k, pct) for i, vm in enumerate(cpu_pct) for k, pct in enumerate(vm)]
    schema = {"vm": pl.String, "step": pl.Int32, "cpu_pct": pl.UInt8}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tiny.parquet")
        pl.DataFrame(rows, schema, orient="row").write_parquet(path)
        yield {
            "trace": {"path": str(path)},
            "fleet": {"hosts": blocks(hosts, ram_gib)},
            "policy": {"overload": "mad", **(policy or {})},
        }


def blocks(hosts: int, ram_gib: int) -> list[dict[str, Any]]:
    """The two machines, half of the hosts each."""
    halves = {"hp-ml110-g4": hosts // 2, "hp-ml110-g5": hosts - hosts // 2}
    counts = [(machine, count) for machine, count in halves.items() if count]
    return [{"machine": name, "count": count, "ram-gib": ram_gib} for name, count in counts]
