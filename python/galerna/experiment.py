"""From what `run` is given to what the engine is given."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from galerna import _core
from galerna.policy import LEASE_ROLES, ROLES, Resolved, resolve, to_spec
from galerna.results import Run
from galerna.spec import BuiltIn

if TYPE_CHECKING:
    from galerna import policy

Spec = str | os.PathLike[str] | Mapping[str, Any]


def run(
    spec: Spec | None = None,
    *,
    overload: policy.OverloadDetector | policy.ByName | None = None,
    fallback: policy.OverloadDetector | policy.ByName | None = None,
    underload: policy.UnderloadRule | policy.ByName | None = None,
    select: policy.VmSelector | policy.ByName | None = None,
    place: policy.Placer | policy.ByName | None = None,
    plan: policy.StepPlanner | policy.ByName | None = None,
    admission: policy.Admission | policy.ByName | None = None,
    preemption: policy.Preemption | policy.ByName | None = None,
    host_selection: policy.HostOrder | policy.ByName | None = None,
    mapping: policy.Mapper | policy.ByName | None = None,
    pricing: policy.Pricing | policy.ByName | None = None,
    shifting: policy.Shifting | policy.ByName | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> Run:
    """Run one experiment and return its results.

    `spec` names a bundled policy, a TOML file, or is a nested dict with the same keys; without it
    every default holds. `set` overrides keys as the command line does. So do keyword arguments,
    with `__` for the dot and `_` for the hyphen.

    >>> import galerna as gl
    >>> gl.run("cloudsim-3.0.3/mad-mmt", policy__overload__safety=3.0).summary["host_shutdowns"] > 0
    True
    >>> a = gl.run("thr-mmt", set={"policy.overload.threshold": 0.9})
    >>> b = gl.run({"policy": {"overload": {"kind": "thr", "threshold": 0.9}}})
    >>> a.event_log_blake3 == b.event_log_blake3
    True

    `overload`, `fallback`, `underload`, `select`, `place` and `plan` replace one policy each: by a
    built-in one (`gl.Mad(safety=3.0)`, a dict, its name), by Python code (an object, a function, or
    `"module:Class"`), see `galerna.policy`. So do `admission`, `preemption`, `host_selection`,
    `mapping`, `pricing` and `shifting` in a run of leases. `out` is a new folder in which the
    results are kept, see `Run.write`.

    >>> gl.run("mad-mmt", select="mu", place=gl.FirstFit()).summary["migrations"] > 0
    True

    Raises `SpecError`, `TraceError`, `RunFolderError`, `InfeasibleError`, `PolicyError`, and
    whatever your own policy raises.
    """
    policies = (overload, fallback, underload, select, place, plan)
    given = Given()
    path, tables = given.source(spec)
    of_leases = (admission, preemption, host_selection, mapping, pricing, shifting)
    changes = lease_changes(of_leases) | assigned(policies, set, overrides)
    if seed is not None:
        changes["run.seed"] = seed
    lifted = [(key, given.lift(key, value)) for key, value in changes.items()]
    if out is not None:
        _core.check_destination(out, False)
    finished = _core.run(path, tables, as_json(lifted), given.objects)
    result = Run(finished, path, given.objects)
    if out is not None:
        result.write(out)
    return result


def assigned(
    policies: Sequence[object], set: Mapping[str, Any] | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """What is changed in a spec, by dotted key: `policies` in the order of the roles, `set`, and
    keyword arguments.

    >>> assigned((None, None, None, "mu", None, None), {"run.seed": 1}, {"host__wake_s": 2})
    {'policy.select': 'mu', 'run.seed': 1, 'host.wake-s': 2}
    """
    roles = zip(ROLES, policies, strict=True)
    changes = {f"policy.{role}": policy for role, policy in roles if policy is not None}
    changes.update(set or {})
    changes.update({dotted(key): value for key, value in overrides.items()})
    return changes


def lease_changes(policies: Sequence[object]) -> dict[str, Any]:
    """What is changed in `[leases]`: `policies` in the order of the roles.

    >>> lease_changes(("no-ar", "mine:Gentle", None, None, None, None))
    {'leases.admission': 'no-ar', 'leases.policies.preemption': 'mine:Gentle'}
    """
    roles = zip(LEASE_ROLES, policies, strict=True)
    given = [(role, policy) for role, policy in roles if policy is not None]
    return {
        f"leases.policies.{role}" if is_code(policy) else f"leases.{role}": policy
        for role, policy in given
    }


def is_code(policy: object) -> bool:
    """Whether it is written in Python, or names what is.

    >>> is_code("mine:Gentle"), is_code("no-ar"), is_code({"constant": 0.1})
    (True, False, False)
    """
    if isinstance(policy, str):
        return ":" in policy
    return not isinstance(policy, Mapping) or policy.get("kind") == "python"


class Given:
    """Policies that are given as Python objects, by their keys under `[policy]`."""

    def __init__(self) -> None:
        self.policies: dict[str, object] = {}
        """As they are."""
        self.objects: dict[str, Resolved] = {}
        """As the engine asks them."""

    def lift(self, key: str, value: Any) -> Any:
        """What a spec says under `key` for `value`; a policy object is kept aside."""
        section, _, role = key.rpartition(".")
        if role not in {"policy": ROLES, "leases.policies": LEASE_ROLES}.get(section, {}):
            return value
        self.objects.pop(role, None)
        self.policies.pop(role, None)
        if isinstance(value, BuiltIn | Mapping | str):
            return value
        self.objects[role] = resolve(role, value)
        self.policies[role] = value
        return to_spec(value)

    def source(self, spec: Spec | None) -> tuple[str, str | None]:
        """A path, or a name to call the spec by and its tables as JSON."""
        if spec is None:
            return "defaults", "{}"
        if not isinstance(spec, Mapping):
            return os.fspath(spec), None
        tables = dict(spec)
        policy = tables.get("policy")
        if isinstance(policy, Mapping):
            lifted = {key: self.lift(f"policy.{key}", value) for key, value in policy.items()}
            tables["policy"] = lifted
        leases = tables.get("leases")
        code = leases.get("policies") if isinstance(leases, Mapping) else None
        if isinstance(leases, Mapping) and isinstance(code, Mapping):
            lifted = {
                key: self.lift(f"leases.policies.{key}", value) for key, value in code.items()
            }
            tables["leases"] = {**leases, "policies": lifted}
        return "spec", as_json(tables)


def dotted(keyword: str) -> str:
    """The key of a spec that a keyword argument stands for.

    >>> dotted("policy__overload__min_history")
    'policy.overload.min-history'
    """
    return ".".join(part.replace("_", "-") for part in keyword.split("__"))


def as_json(value: object) -> str:
    """`value` as JSON; paths, NumPy numbers and built-in policies are spelt out."""
    return json.dumps(value, default=plain, allow_nan=False)


def plain(value: Any) -> Any:
    """The JSON form of a value that JSON does not know."""
    if isinstance(value, BuiltIn):
        return value.to_spec()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, range):
        return list(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a spec cannot hold {value!r} ({type(value).__name__})")
