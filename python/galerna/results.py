"""What a run gives: metrics at once, tables when they are first asked for."""

from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from galerna import _core
from galerna.errors import PolicyError

if TYPE_CHECKING:
    import polars as pl

    from galerna.policy import Resolved

HEADLINE = {
    "energy_kwh": ("energy", "{:,.2f} kWh"),
    "migrations": ("migrations", "{:,}"),
    "slatah": ("SLATAH", "{:.4%}"),
    "pdm": ("PDM", "{:.4%}"),
    "slav": ("SLAV", "{:.4e}"),
    "esv": ("ESV", "{:.4e}"),
    "host_shutdowns": ("host shutdowns", "{:,}"),
    "active_hosts_mean": ("hosts on, mean", "{:.1f}"),
}


LEASES = {
    "accepted_ar": ("reservations kept", "{:,}"),
    "rejected_ar": ("and refused", "{:,}"),
    "completed_best_effort": ("best effort done", "{:,}"),
    "all_best_effort_s": ("all done after", "{:,.0f} s"),
    "mean_wait_s": ("wait, mean", "{:,.0f} s"),
    "mean_bounded_slowdown": ("bounded slowdown", "{:,.2f}"),
    "utilisation": ("CPU in use", "{:.2%}"),
    "suspensions": ("suspensions", "{:,}"),
}

LEASE_FRAMES = ("leases", "lease_states", "holdings", "utilisation", "image_transfers")


class Run:
    """A finished run: of load, of leases, or of leases whose VMs carry load.

    >>> import galerna as gl
    >>> run = gl.run("dvfs")
    >>> run.summary["migrations"]
    0
    >>> run.samples.height
    287

    A run of leases has other frames:

    >>> run = gl.run("leases/easy")
    >>> run.leases.filter(run.leases["state"] == "rejected").height
    3

    One of leases that carry load has the frames of both:

    >>> run = gl.run("leases/loaded")
    >>> run.lease_summary["accepted_ar"], round(run.summary["energy_kwh"], 3)
    (5, 41.595)
    """

    def __init__(
        self, finished: _core.Run, name: str, objects: dict[str, Resolved] | None = None
    ) -> None:
        self._finished = finished
        self._name = name
        self._objects = objects or {}

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The spec with every default filled in; it names the code of Python policies."""
        spec: dict[str, Any] = json.loads(self._finished.spec())
        return spec

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Every metric by name; ratios are fractions, times seconds.

        Those of load, unless the run is one of leases that carry none.
        """
        summary: dict[str, Any] = json.loads(self._finished.summary())
        return summary

    @cached_property
    def lease_summary(self) -> dict[str, Any]:
        """Every metric of leases by name, in a run of leases."""
        self._expect("leases", what="lease_summary")
        summary: dict[str, Any] = json.loads(self._finished.lease_summary() or "{}")
        return summary

    @cached_property
    def costs(self) -> dict[str, Any]:
        """Totals of the ledger, in a run with `[costs]`: gained, spent where negative.

        >>> import galerna as gl
        >>> run = gl.run("dvfs", costs__energy_price=0.25)
        >>> round(run.costs["energy"] + 0.25 * run.summary["energy_kwh"], 4)
        0.0
        """
        totals = self._finished.costs()
        if totals is None:
            raise AttributeError("a run without [costs] has no `costs`")
        costs: dict[str, Any] = json.loads(totals)
        return costs

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """One row per entry of the ledger, in a run with `[costs]`.

        `amount_micro` is in millionths of the currency: gained, spent where negative.
        """
        import polars as pl

        if "costs" not in self.spec:
            raise AttributeError("a run without [costs] has no `ledger`")
        return pl.DataFrame(self._finished.table("ledger"))

    @cached_property
    def event_log_blake3(self) -> str:
        """Hash of all that happened, in order: equal for runs that decided alike."""
        return self._finished.event_log_blake3()

    @cached_property
    def timing(self) -> dict[str, float]:
        """CPU seconds of the process: `read_s` for reading the trace, `run_s` for the run."""
        return dict(zip(("read_s", "run_s"), self._finished.timing(), strict=True))

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Keep the tables (Parquet) and `run.json` in a folder, all or nothing.

        `galerna.check` verifies what is there. A folder that holds a run is only replaced with
        `overwrite=True`, one that holds anything else never.
        """
        self._finished.write(folder, self._name, overwrite)

    def explain(
        self, at_s: float | None = None, *, vm: int | None = None, host: int | None = None
    ) -> list[dict[str, Any]]:
        """Why it was decided so: the decisions at a time, about a VM, from or to a host.

        The run is repeated, which is deterministic. Each decision tells when (`at_s`), which `vm`,
        `from` and `to` which host, its `cause`, what came of every other host (`possibilities`),
        what the move costs, and all that in `words`.

        >>> import galerna as gl
        >>> run = gl.run("thr-mmt")
        >>> vm = run.moves["vm"][0]
        >>> {choice["vm"] for choice in run.explain(vm=vm)} == {vm}
        True

        In a run of leases without load nobody moves VMs, see `explain_leases`. Raises `PolicyError`
        when the run cannot be repeated alike, as a policy written in Python depends on more than
        it is given.
        """
        told, log = _core.explain_run(self._finished.spec(), self._objects, at_s, vm, host)
        self._expect_repeated(log)
        choices: list[dict[str, Any]] = json.loads(told)
        return choices

    def explain_leases(
        self, lease: int | None = None, *, at_s: float | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Why it was decided so about a lease, by its `number`, or about any at a time.

        The run is repeated, which is deterministic. Of `decisions`, in order, each tells when
        (`at_s`), about which `lease`, what (`decision`: `asked`, `held-back`, `waits`, `refused`,
        `planned`, `displaced`, `begins`, `suspends`, `resumes`, `moves`, `image-sent`, `ends`,
        `fails`) with its reasons, and all that in `words`. `readied` tells how VMs of the lease
        became ready, where they are provisioned.

        >>> import galerna as gl
        >>> run = gl.run("leases/easy")
        >>> number = run.leases["number"][0]
        >>> [told["decision"] for told in run.explain_leases(number)["decisions"]][0]
        'asked'

        Raises `SpecError` when the run has no such lease, `PolicyError` as `explain` does.
        """
        told, log = _core.explain_leases(self._finished.spec(), self._objects, at_s, lease)
        self._expect_repeated(log)
        leases: dict[str, list[dict[str, Any]]] = json.loads(told)
        return leases

    def without(
        self,
        at_s: float | None = None,
        *,
        vm: int | None = None,
        host: int | None = None,
        lease: int | None = None,
        instead: int | None = None,
    ) -> dict[str, Any]:
        """What if not: the run again without the moves decided at `at_s`, or without a lease.

        With `vm` or `host` only theirs; with `instead`, the one VM goes to that host; with `lease`
        that is refused when it is asked for, or, at a time at which it was displaced, spared. The
        dict has the moves in question (`choices`), the decisions about the lease (`leases`), how
        many were `changed`, from when on the runs differ (`differs_from_s`), and the figures
        `as_it_was` and `without`, each with `summary`, `leases` and `balance`.

        >>> import galerna as gl
        >>> run = gl.run("thr-mmt")
        >>> moves = [choice for choice in run.explain(host=3) if choice["to"] is not None]
        >>> other = run.without(moves[0]["at_s"], vm=moves[0]["vm"])
        >>> other["changed"] >= 1, other["as_it_was"]["summary"] == run.summary
        (True, True)

        Raises `SpecError` when nothing is in question, or the VM has no room where it is to go.
        """
        told, log = _core.run_without(
            self._finished.spec(), self._objects, at_s, vm, host, lease, instead
        )
        self._expect_repeated(log)
        other: dict[str, Any] = json.loads(told)
        return other

    def _expect_repeated(self, log: str) -> None:
        """Refuses what is told of another run."""
        if log != (self._finished.load_log_blake3() or self.event_log_blake3):
            raise PolicyError(
                "GLN-631 the run decides otherwise when it is repeated. A policy written in Python "
                "must depend on nothing but what it is given."
            )

    @cached_property
    def hosts(self) -> pl.DataFrame:
        """One row per host: what it is, its energy, time on, violations and shutdowns."""
        return self._frame("hosts")

    @cached_property
    def vms(self) -> pl.DataFrame:
        """One row per VM: what it is, what it asked for and what it got."""
        return self._frame("vms")

    @cached_property
    def actions(self) -> pl.DataFrame:
        """One row per action, in order: when, what, which VM, from where to where, and why."""
        return self._frame("actions")

    @cached_property
    def samples(self) -> pl.DataFrame:
        """One row per decision: hosts on, demand, power, overloaded hosts, migrations."""
        return self._frame("samples")

    @cached_property
    def moves(self) -> pl.DataFrame:
        """One row per migration: who went where and when, how it ended, bytes, rounds, downtime.

        >>> import galerna as gl
        >>> run = gl.run("lr-mmt", migration__model="pre-copy", migration__sla="measured")
        >>> sorted(run.moves["ending"].unique())[:1]
        ['moved']
        """
        return self._frame("moves")

    @cached_property
    def stages(self) -> pl.DataFrame:
        """One row per stage of a migration: its kind, span, bytes and the speed of the guest."""
        return self._frame("stages")

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """One row per decision of a planner that weighs: cost without and with the plan, bound.

        >>> import galerna as gl
        >>> run = gl.run("optimise")
        >>> bool((run.decisions["bound_j"] <= run.decisions["cost_j"]).all())
        True
        """
        return self._frame("decisions")

    @cached_property
    def outages(self) -> pl.DataFrame:
        """One row per outage of a host: which, from when, until when. Empty without `[outages]`."""
        return self._frame("outages")

    @cached_property
    def link_outages(self) -> pl.DataFrame:
        """One row per outage of a link between sites: which, from when, until when.

        Empty without `[outages]` and `[sites]`.
        """
        return self._frame("link_outages")

    @cached_property
    def network_outages(self) -> pl.DataFrame:
        """One row per outage of a switch or a cable: which, from when, until when.

        >>> import galerna as gl
        >>> net = {"kind": "star", "hosts": 800, "mbit_s": 1000}
        >>> outage = {"start-s": 600, "end-s": 900, "cable": 7}
        >>> run = gl.run("lr-mmt", migration__topology=net, outages__list=[outage])
        >>> run.network_outages["part"].to_list(), run.cut_offs["host"].to_list()
        (['cable'], [7])
        """
        return self._frame("network_outages")

    @cached_property
    def cut_offs(self) -> pl.DataFrame:
        """One row per host that outages of switches and cables cut off: from when, until when."""
        return self._frame("cut_offs")

    @cached_property
    def restarts(self) -> pl.DataFrame:
        """One row per VM whose host failed: when, where it was restarted, when it ran again.

        >>> import galerna as gl
        >>> outage = {"start-s": 600, "end-s": 3600, "host": 0}
        >>> run = gl.run("lr-mmt", outages__list=[outage])
        >>> run.restarts["up_us"].null_count()
        0
        """
        return self._frame("restarts")

    @cached_property
    def provisions(self) -> pl.DataFrame:
        """One row per VM that was provisioned, and when each stage of that was over.

        Empty without `[leases.provision]`.

        >>> import galerna as gl
        >>> run = gl.run("leases/loaded", leases__provision={"boot-s": 30})
        >>> run.provisions["ready_us"].null_count() < run.provisions.height
        True
        """
        return self._frame("provisions")

    @cached_property
    def image_sends(self) -> pl.DataFrame:
        """One row per image that was sent to a host for VMs that were provisioned there."""
        return self._frame("image_sends")

    @cached_property
    def demand(self) -> pl.DataFrame:
        """One row per VM and sample: the load that the VMs replayed.

        Where they carry load only while their lease runs, one row per row of the trace and sample.
        """
        return self._frame("demand")

    @cached_property
    def leases(self) -> pl.DataFrame:
        """One row per lease: what was asked for, how it fared, wait and slowdowns."""
        return self._frame("leases")

    @cached_property
    def lease_states(self) -> pl.DataFrame:
        """One row per state that a lease entered, lease by lease."""
        return self._frame("lease_states")

    @cached_property
    def holdings(self) -> pl.DataFrame:
        """One row per host and time that a lease held something there, and for what."""
        return self._frame("holdings")

    @cached_property
    def utilisation(self) -> pl.DataFrame:
        """One row per change of the CPU that leases use."""
        return self._frame("utilisation")

    @cached_property
    def image_transfers(self) -> pl.DataFrame:
        """One row per disk image that was sent to hosts."""
        return self._frame("image_transfers")

    def gantt(self) -> str:
        """The leases by host and time, as SVG; notebooks show it with `IPython.display.SVG`."""
        self._expect("leases", what="gantt")
        return self._finished.gantt(self._title())

    def _has(self, kind: str) -> bool:
        return ("leases" if kind == "leases" else "trace") in self.spec

    def _expect(self, kind: str, *, what: str) -> None:
        if not self._has(kind):
            other = "load" if kind == "leases" else "leases"
            raise AttributeError(f"a run of {other} has no `{what}`")

    def _frame(self, name: str) -> pl.DataFrame:
        import polars as pl

        self._expect("leases" if name in LEASE_FRAMES else "load", what=name)
        return pl.DataFrame(self._finished.table(name))

    def _rows(self) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        if self._has("leases"):
            figures = self.lease_summary
            rows += [(name, form.format(figures[key])) for key, (name, form) in LEASES.items()]
        if self._has("load"):
            figures = self.summary
            rows += [(name, form.format(figures[key])) for key, (name, form) in HEADLINE.items()]
        return rows

    def _title(self) -> str:
        if self._has("leases"):
            leases, hosts = self._finished.shape()
            return f"{self._name}: {leases:,} leases on {hosts:,} hosts"
        policy = self.spec["policy"]
        vms, samples = self._finished.shape()
        roles = ["plan"] if "plan" in policy else ["overload", "select", "place"]
        names = [policy[role].get("entry") or policy[role]["kind"] for role in roles]
        return f"{', '.join(names)}: {vms:,} VMs, {samples} samples"

    def __repr__(self) -> str:
        rows = [f"  {name:<16}{value:>16}" for name, value in self._rows()]
        return "\n".join([f"Run of {self._title()}", *rows])

    def _repr_html_(self) -> str:
        from html import escape

        cells = (
            f"<tr><td>{escape(name)}</td><td style='text-align:right'>{escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        return f"<table><caption>{escape(self._title())}</caption>{''.join(cells)}</table>"
