"""Policies by the name of their code: `module:Class`, or an entry point.

Modules are looked for where Python looks, and last in the current directory. What is imported is
told on standard error first, once: a spec that somebody else wrote can name any code.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from galerna.errors import SpecError
from galerna.policy import ROLES, Resolved, resolve

GROUP = "galerna.policies"
"""Group of the entry points that are policies."""

announced: set[tuple[str, str]] = set()


def load(role: str, entry: str, params: str) -> Resolved:
    """Import the policy at `entry` and make it with `params` (JSON)."""
    return resolve(role, make(role, entry, json.loads(params)))


def make(role: str, entry: str, params: Mapping[str, Any]) -> Any:
    """The policy at `entry`: a class called with `params`, or a function that gets them as well.

    >>> from galerna.errors import SpecError
    >>> try:
    ...     make("overload", "fractions:Fracton", {})
    ... except SpecError as error:
    ...     print(error.problems[0].what)
    `fractions:Fracton`: fractions has no `Fracton` (did you mean `Fraction`?)
    """
    code = find(role, entry)
    params = {name.replace("-", "_"): value for name, value in params.items()}
    if isinstance(code, type):
        return code(**params)
    if not hasattr(code, "__qualname__"):
        what = f"`{entry}` is an object of {type(code).__name__}, which runs would share"
        raise fault(role, what, "Name its class, or a function")
    return functools.partial(code, **params) if params else code


def find(role: str, entry: str) -> Any:
    """The class or function at `entry`."""
    if "<" in entry.partition(":")[2]:
        what = f"`{entry}` was made inside a function and cannot be found by its name"
        raise fault(role, what, "Move it to the top of a module")
    announce(role, entry)
    if ":" not in entry:
        return entry_point(role, entry)
    look_here()
    module_name, _, path = entry.partition(":")
    code: Any = importlib.import_module(module_name)
    for name in path.split("."):
        if not hasattr(code, name):
            close = get_close_matches(name, dir(code), 1)
            hint = f" (did you mean `{close[0]}`?)" if close else ""
            what = f"`{entry}`: {getattr(code, '__name__', code)} has no `{name}`{hint}"
            raise fault(role, what, "Write module:Class or module:function")
        code = getattr(code, name)
    return code


def entry_point(role: str, name: str) -> Any:
    """The class or function that an installed package offers as `name`."""
    by_name = offered()
    if name not in by_name:
        close = get_close_matches(name, by_name, 1)
        hint = f" (did you mean `{close[0]}`?)" if close else ""
        what = f"no installed package offers a policy `{name}`{hint}"
        known = f"Known: {', '.join(sorted(by_name))}; or write" if by_name else "Write"
        raise fault(role, what, f'{known} entry = "module:Class"')
    return by_name[name].load()


def offered() -> dict[str, importlib.metadata.EntryPoint]:
    """What installed packages offer, by name."""
    points: Iterable[importlib.metadata.EntryPoint]
    points = importlib.metadata.entry_points(group=GROUP)
    return {point.name: point for point in points}


def announce(role: str, entry: str) -> None:
    """Say on standard error, once, which code `entry` is and where it is; nothing is imported."""
    if (role, entry) in announced or sys.stderr is None:
        return
    code = entry
    if ":" not in entry:
        point = offered().get(entry)
        if point is None:
            return
        code = point.value
    announced.add((role, entry))
    place = origin(code.partition(":")[0])
    found = f" from {place}" if place else ""
    text = f"galerna: {section(role)}.{role} is Python code, importing {code}{found}"
    print(text, file=sys.stderr, flush=True)


def origin(module: str) -> str | None:
    """Where the outermost package of `module` is."""
    look_here()
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


def look_here() -> None:
    """Let modules be found in the current directory, if nowhere else."""
    if not any(os.path.realpath(folder) == os.getcwd() for folder in sys.path):
        sys.path.append(os.getcwd())


def section(role: str) -> str:
    """The section of a spec that holds the role."""
    return "policy" if role in ROLES else "leases.policies"


def fault(role: str, what: str, remedy: str) -> SpecError:
    """A problem of the policy for `role`."""
    place = f"[{section(role)}] {role}"
    return SpecError(f"GLN-403 {place}: {what}. {remedy}.", [("GLN-403", place, what, remedy)])
