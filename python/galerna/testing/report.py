"""What a check of a policy found."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["ok", "note", "skipped", "failed"]


class Finding(NamedTuple):
    """One property of a policy: whether it holds, and what was seen."""

    verdict: Verdict
    check: str
    """The property, e.g. `repeats itself`."""
    detail: str

    def __str__(self) -> str:
        first, *more = self.detail.splitlines() or [""]
        indented = [f"{'':35}{line}" for line in more]
        return "\n".join([f"  {self.verdict:8}{self.check:22} {first}".rstrip(), *indented])


class PolicyReport(NamedTuple):
    """Everything that a check of a policy found."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether no check failed; notes are no failures."""
        return all(finding.verdict != "failed" for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join([self.title, *map(str, self.findings)])


class PolicyCheckError(AssertionError):
    """A policy does not do what every policy must; `report` says what."""

    def __init__(self, report: PolicyReport) -> None:
        super().__init__(str(report))
        self.report = report
