"""Checks for policies of your own, and tiny worlds to try them in.

>>> from galerna.testing import check_policy
>>> class Smallest:
...     '''The VM with the least memory leaves.'''
...     def pick(self, host, vms):
...         return min(vms, key=lambda vm: vm.ram_bytes)
>>> print(check_policy(Smallest()))  # doctest: +ELLIPSIS
Smallest as select=, asked by pick
  ok      runs                   in 8 worlds, asked ... times
  ok      repeats itself         fresh policies give the same log
  ok      starts afresh          the same object gives the same log again
  ok      leaves alone           what it is lent
  skipped any history            it is not asked for single judgements
  skipped both forms agree       it has one form
  ok      loses no VM            every run passes galerna.check

In a test of your own, the call alone is enough: it raises `PolicyCheckError`, an `AssertionError`,
when a check fails.
"""

from galerna.testing.checks import check_policy
from galerna.testing.report import Finding, PolicyCheckError, PolicyReport
from galerna.testing.worlds import WORLDS, World, tiny_world

__all__ = [
    "WORLDS",
    "Finding",
    "PolicyCheckError",
    "PolicyReport",
    "World",
    "check_policy",
    "tiny_world",
]
