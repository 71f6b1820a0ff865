"""The policies that come with galerna."""

from __future__ import annotations

from galerna import _core


def policies() -> list[str]:
    """Names of the bundled policies; `run` takes each of them.

    >>> import galerna as gl
    >>> "cloudsim-3.0.3/lr-mmt" in gl.policies()
    True
    """
    return [name for name, _story in _core.policies()]


def describe(name: str) -> str:
    """The spec file of a bundled policy, whose comments tell what it is.

    >>> import galerna as gl
    >>> print(gl.describe("mad-mmt").splitlines()[0])
    # MAD-MMT: overload by MAD, the median absolute deviation; selection by minimum migration time; PABFD placement.
    """  # noqa: E501
    return _core.describe(name)
