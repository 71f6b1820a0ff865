"""Which policy is better, and how sure is that?"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from galerna import _core
from galerna.experiment import Given, Spec, as_json, assigned, lease_changes
from galerna.policy import Resolved, name_of, other_role, resolve
from galerna.spec import BuiltIn, Detector, Placer, Selector, UnderloadRule

if TYPE_CHECKING:
    import polars as pl

    from galerna import policy
    from galerna.sweeps import Options, Progress

METRICS = ("energy_kwh", "migrations", "slatah", "pdm", "esv")
"""The metrics of load that are compared when none are named."""

DEFAULT_SPEC = "lr-mmt"


class Candidate:
    """A policy to compare: what `galerna.run` takes, apart from `seed` and `out`.

    >>> import galerna as gl
    >>> gl.Candidate("thr-mmt", overload=gl.Thr(threshold=0.9), name="thr 0.9")
    Candidate('thr 0.9')

    Each run gets a deep copy of the objects that are given, so that no run sees what another left
    behind. Without a `name` tables call it after its policies.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        name: str | None = None,
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
        set: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> None:
        policies = (overload, fallback, underload, select, place, plan)
        of_leases = (admission, preemption, host_selection, mapping, pricing, shifting)
        self._spec = spec
        self._changes = lease_changes(of_leases) | assigned(policies, set, overrides)
        self.name = name or self._told()

    def _told(self) -> str:
        words = [] if self._spec is None else [told(self._spec)]
        words += [told(value) for key, value in self._changes.items() if is_policy(key)]
        return " ".join(words) or DEFAULT_SPEC

    def prepared(self) -> tuple[dict[str, Any], tuple[list[str], Maker] | None]:
        """What the compiled half is told; which policies are Python objects and who makes them."""
        given = Given()
        spec, tables = given.source(self._spec)
        asked = {
            "label": self.name,
            "spec": spec if tables is None else DEFAULT_SPEC,
            "tables": None if tables is None else json.loads(tables),
            "changes": [(key, given.lift(key, value)) for key, value in self._changes.items()],
        }
        if not given.policies:
            return asked, None
        return asked, (list(given.policies), Maker(given.policies))

    def __repr__(self) -> str:
        return f"Candidate({self.name!r})"


class Maker:
    """Makes the policies of a run anew."""

    def __init__(self, policies: Mapping[str, object]) -> None:
        self.policies = dict(policies)

    def __call__(self) -> dict[str, Resolved]:
        """Copies of the policies, by their keys, as the engine asks them."""
        return {role: resolve(role, fresh(policy)) for role, policy in self.policies.items()}


def fresh(policy: object) -> object:
    """A copy of the policy that shares nothing with it."""
    try:
        return copy.deepcopy(policy)
    except Exception as error:
        raise TypeError(
            f"GLN-404 policy `{name_of(policy)}` cannot be copied ({error}), and each run of a "
            "comparison gets a copy of its own: define __deepcopy__, or leave out what cannot be "
            "copied (locks, open files)"
        ) from error


def told(value: object) -> str:
    """A spec or policy in a word."""
    if isinstance(value, BuiltIn):
        return value.kind
    if isinstance(value, Mapping):
        return str(value.get("entry") or value.get("kind") or "spec")
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    return name_of(value)


def is_policy(key: str) -> bool:
    """Whether the key of a spec names a policy as a whole.

    >>> is_policy("policy.select"), is_policy("policy.overload.safety"), is_policy("leases.mapping")
    (True, False, True)
    """
    return key.count(".") == 1 or key.startswith("leases.policies.")


ROLE_OF = {Detector: "overload", UnderloadRule: "underload", Selector: "select", Placer: "place"}
"""The key under `[policy]` that a built-in policy answers."""


def candidate(entrant: object) -> Candidate | str:
    """What is compared, from anything that `compare` takes."""
    if isinstance(entrant, Candidate):
        return entrant
    if isinstance(entrant, str | os.PathLike):
        return os.fspath(entrant)
    if isinstance(entrant, Mapping):
        return Candidate(entrant)
    roles = [role for kind, role in ROLE_OF.items() if isinstance(entrant, kind)]
    found = None if isinstance(entrant, type) else other_role(entrant)
    role = roles[0] if roles else found
    if role is None:
        raise TypeError(
            f"{entrant!r} is no policy that can be compared: name a spec, or write "
            "gl.Candidate(...) with what gl.run takes, e.g. gl.Candidate(overload=...)"
        )
    policy: dict[str, Any] = {role: entrant}
    return Candidate(**policy)


def compare(
    policies: Sequence[object] | Mapping[str, object],
    *,
    baseline: str | None = None,
    traces: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    workloads: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    days: Sequence[str | int] | None = None,
    seeds: int = 10,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    set: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Run policies on the same days and seeds and tell how they differ.

    `policies` are names of bundled specs (`*` stands for any text), TOML files, dicts with the keys
    of a spec, policies of your own (an object with the methods of `galerna.policy`), built-in ones
    such as `gl.Mad(safety=3.0)`, or a `gl.Candidate` for everything else that `gl.run` takes. What
    a policy does not say is as in `lr-mmt`. A mapping gives names to them.

    >>> import galerna as gl
    >>> class Always:
    ...     def is_overloaded(self, now, history):
    ...         return now > 0.8
    >>> table = gl.compare(["thr-mmt", "lr-mmt", Always()], metrics=["energy_kwh"], seeds=6)
    >>> table.frame.select("policy", "verdict").rows()
    [('lr-mmt', 'too few pairs'), ('Always', 'identical')]

    The first policy is the `baseline` unless another is named. A seed permutes which trace drives
    which VM, so seeds are repetitions for any policy; `days` defaults to every day of the trace,
    `traces` to that of the specs, and `workloads`, of leases, too. `metrics` are columns of
    `Comparison.runs`, by default those that one looks at first (`METRICS` for load). `print` shows
    differences (policy minus baseline on the same day and seed) with exact intervals, effect sizes,
    p-values corrected for all comparisons and a verdict; docs/compare-and-sweep.md tells how they
    come about and what they do not say.

    With `out`, a folder, runs are kept as `gl.sweep` keeps them, apart from those of policies that
    are Python code. An exception that such an object raises comes out unchanged. Other runs that
    fail are left out of the pairs; `Comparison.runs` has them with their errors.
    """
    named = policies.items() if isinstance(policies, Mapping) else ((None, p) for p in policies)
    asked: list[dict[str, Any]] = []
    makers: list[tuple[list[str], Maker] | None] = []
    for name, entrant in named:
        entry = candidate(entrant)
        if isinstance(entry, str):
            asked.append({"label": name, "spec": entry, "tables": None, "changes": []})
            makers.append(None)
            continue
        told_of, maker = entry.prepared()
        asked.append({**told_of, "label": name or entry.name})
        makers.append(maker)
    question = {
        "candidates": asked,
        "baseline": baseline,
        "set": list((set or {}).items()),
        "traces": paths(traces),
        "days": [str(day) for day in days or ()],
        "seeds": seeds,
        "workloads": paths(workloads),
        "metrics": None if metrics is None else list(metrics),
        "confidence": confidence,
    }
    options: Options = (out, [], overwrite, threads, progress)
    return Comparison(_core.compare(as_json(question), makers, options))


def paths(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> list[str]:
    """One path or several, as a list."""
    if given is None:
        return []
    if isinstance(given, str | os.PathLike):
        return [os.fspath(given)]
    return [os.fspath(path) for path in given]


class Comparison:
    """How policies differ from a baseline; `print` it, or look at its `frame`."""

    def __init__(self, finished: _core.Batch) -> None:
        self._finished = finished

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row per metric and policy: means, difference, interval, effect, p, verdict."""
        import polars as pl

        table = self._finished.comparison()
        assert table is not None, "a comparison has a table"
        return pl.DataFrame(table)

    @cached_property
    def runs(self) -> pl.DataFrame:
        """One row per run, as `Sweep.runs`."""
        import polars as pl

        return pl.DataFrame(self._finished.runs())

    @property
    def reused(self) -> int:
        """How many results were in the folder already."""
        return self._finished.reused()

    def markdown(self) -> str:
        """The table in Markdown."""
        return self._finished.markdown()

    def __repr__(self) -> str:
        return self._finished.text().rstrip("\n")

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
