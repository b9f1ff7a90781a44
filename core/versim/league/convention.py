"""What all runs of a framework share, and what some of them do, by release, device or format.

Data (``conventions.json`` beside this module), looked up by the framework's name; it comes from its code and
documentation, and nothing in it is fitted.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from versim.league.machine import generation_of
from versim.league.record import RunRecord


@attrs.frozen(kw_only=True)
class Case:
    """What holds for some runs of a framework.

    Attributes:
        source: Where that was read.
        options: Of the producer.
        since: The first release; "" for all.
        kind: ``dense`` or ``experts``; "" for both.
        generations: Of GPUs; empty for all.
        precisions: As records have them; empty for all.
        models: As records have them; empty for all.
        noted: What the record's note says; "" for anything.
        sourced: What the record's source says, a regular expression; "" for anything.
        group: The group of runs that a profile may have constants for; "" for none.
        attention_kernel: As of a convention, instead of its; None leaves that.
        caveat: What a reader of a run has to know; "" for nothing.
    """

    source: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    since: str = ""
    kind: str = ""
    generations: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    precisions: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    models: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    noted: str = ""
    sourced: str = ""
    group: str = ""
    attention_kernel: str | None = None
    caveat: str = ""

    def holds(self, run: RunRecord) -> bool:
        """True if it holds for a run."""
        return (
            (not self.since or _release(run.release) >= _release(self.since))
            and self.kind in ("", run.kind)
            and (not self.generations or generation_of(run.gpu) in self.generations)
            and (not self.precisions or run.precision in self.precisions)
            and (not self.models or run.model in self.models)
            and self.noted in run.note.lower()
            and re.search(self.sourced, run.source) is not None
        )


@attrs.frozen(kw_only=True)
class Convention:
    """What all runs of a framework share.

    Attributes:
        split: How layers are dealt out where they do not divide, a name of ``SPLITS``.
        options: Of the producer.
        recompute_unsaid: What is recomputed where the source does not say.
        nic_gb_s: GB/s of each GPU's share of the network, where the framework's records come from one known machine;
            None for the preset's.
        nic_source: Where that was read.
        dispatch_once: True if a token is sent to a node once for all its experts there.
        attention_kernel: The attention that it runs, a name in ``attention_kernels.json``; "" for the timings'.
        attention_source: Where that was read.
        cases: What holds for some of its runs.
    """

    split: str = "megatron"
    options: Mapping[str, Any] = attrs.field(factory=dict)
    recompute_unsaid: str = "none"
    nic_gb_s: float | None = None
    nic_source: str = ""
    dispatch_once: bool = False
    attention_kernel: str = ""
    attention_source: str = ""
    cases: tuple[Case, ...] = ()


@functools.cache
def convention_of(framework: str, gpu: str = "") -> Convention:
    """The conventions of a framework on a generation of GPUs; those of any where nothing is known of it.

    Runs on older devices were made with older releases: where that matters, there is an entry ``FRAMEWORK GPU``.
    """
    plain = _plain()
    common, known = plain["any"], plain["frameworks"]
    own = known.get(f"{framework} {gpu.split('-', maxsplit=1)[0]}", known.get(framework, {}))
    merged = {**common, **own, "options": {**common["options"], **own.get("options", {})}}
    cases = tuple(Case(**plain["cases"][name]) for name in merged.pop("cases", ()))
    return Convention(**merged, cases=cases)


def cases_of(run: RunRecord) -> tuple[Case, ...]:
    """The cases that hold for a run."""
    return tuple(case for case in convention_of(run.framework, run.gpu).cases if case.holds(run))


def group_of(run: RunRecord) -> str:
    """The group that the run's software belongs to; "" for none of its own."""
    return next((case.group for case in cases_of(run) if case.group), "")


@functools.cache
def _plain() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("conventions.json").read_text(encoding="utf-8"))
    return found


def _release(text: str) -> tuple[int, ...]:
    """The numbers that a release begins with; no number is older than all."""
    found = re.match(r"\d{1,9}(?:\.\d{1,9})*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()
