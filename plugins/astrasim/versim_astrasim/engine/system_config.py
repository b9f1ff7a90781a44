"""The system file of the original, typed.

Parsing refuses only what the original cannot read at all, and reports every fault at once. Values it reads and then
hangs, aborts or loops on are accepted: what becomes of them is an outcome of the simulation.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from versim_astrasim.engine.algorithms.names import has_legal_window, is_known, known_names
from versim_astrasim.engine.configuration_faults import INT32_MAX, INT32_MIN, Faults, finite, ignored_keys
from versim_astrasim.engine.variant import Variant


class CollectiveKind(Enum):
    """The collectives the original carries out; the value is the stem of its keys in the system file."""

    ALL_REDUCE = "all-reduce"
    ALL_GATHER = "all-gather"
    REDUCE_SCATTER = "reduce-scatter"
    ALL_TO_ALL = "all-to-all"

    __hash__ = object.__hash__  # members are unique; hashing their names shows in every look-up of a plan


SCHEDULING_POLICIES = ("LIFO", "FIFO", "EXPLICIT")
LOCAL_BW_AWARE, BASELINE = "localBWAware", "baseline"
COLLECTIVE_OPTIMIZATIONS = (LOCAL_BW_AWARE, BASELINE)

MOST_FLOAT32 = 3.4028234e38

MOST_QUEUES = 1 << 16
"""Every rank has that many lanes per dimension."""

DEFAULT_ENDPOINT_DELAY_NS = 10
"""Used when the key is absent, and then not scaled."""

_IGNORED_KEYS = ("boost-mode", "intra-dimension-scheduling", "inter-dimension-scheduling")
"""Keys the original's own examples carry and the original ignores."""


@attrs.frozen(kw_only=True)
class SystemConfig:
    """The system layer's settings.

    Attributes:
        implementations: Algorithm names per collective kind, one per dimension; a missing kind must not be used.
        custom_implementations: Path prefix of a trace-described algorithm per collective kind.
        per_node_custom_path: YAML file that maps node ids to path prefixes.
        endpoint_delay_ns: Paid before a message may leave, truncated but not yet scaled; None if absent.
        injection_scale: Multiplies the endpoint delay if that is given.
        active_chunks_per_dimension: Chunks worked on at once in a dimension, over all its queues.
        preferred_dataset_splits: Chunks a collective is cut into; 0 divides by zero at the first collective.
        num_queues_per_dim: Queues (lanes) per dimension; without any, no collective ever starts.
        collective_optimization: ``localBWAware`` or ``baseline``; None leaves it unset, and the original acts on
            uninitialised memory: as with ``baseline`` in one dimension, while an all-reduce over several never ends
            (measured on ASTRA-sim 518bd51, where ranks came to disagree in every of 60 cases).
        scheduling_policy: ``LIFO``, ``FIFO`` or ``EXPLICIT``; without observable effect.
        local_mem_bw_gb_per_s: Local memory bandwidth (10^9 B/s), for reductions and the roofline.
        peak_perf_tflop_per_s: Peak performance (10^12 FLOP/s), for the roofline.
        roofline_enabled: Time compute from operations and bytes rather than from its recorded duration.
        replay_only: Run every node, collectives included, for its recorded duration.
        track_local_mem: Track local memory, for which every node has to list its tensors; without effect on times.
        rendezvous: Precede every message by a handshake.
        model_shared_bus: Pay endpoint steps on a shared bus of the four LogGP parameters below.
        bus_latency_ns: The bus's ``L``.
        bus_overhead_ns: The bus's ``o``.
        bus_gap_ns: The bus's ``g``.
        bus_gap_ns_per_byte: The bus's ``G``.
        local_reduction_delay_ns: Per 100 bytes, on the shared bus only.
        variant: Which program's system layer.
        warnings: What was found in the file and has no effect.
    """

    implementations: Mapping[CollectiveKind, tuple[str, ...]] = attrs.field(factory=dict)
    custom_implementations: Mapping[CollectiveKind, str] = attrs.field(factory=dict)
    per_node_custom_path: str | None = None
    endpoint_delay_ns: int | None = None
    injection_scale: float = 1.0
    active_chunks_per_dimension: int = 1
    preferred_dataset_splits: int = 0
    num_queues_per_dim: int = 1
    collective_optimization: str | None = None
    scheduling_policy: str | None = None
    local_mem_bw_gb_per_s: float = 0.0
    peak_perf_tflop_per_s: float = 0.0
    roofline_enabled: bool = False
    replay_only: bool = False
    track_local_mem: bool = False
    rendezvous: bool = False
    model_shared_bus: bool = False
    bus_latency_ns: int = 0
    bus_overhead_ns: int = 0
    bus_gap_ns: int = 0
    bus_gap_ns_per_byte: float = 0.0
    local_reduction_delay_ns: int = 1
    variant: Variant = Variant.ASTRA_SIM
    warnings: tuple[str, ...] = ()

    @property
    def effective_endpoint_delay_ns(self) -> int:
        """The endpoint delay after scaling."""
        if self.endpoint_delay_ns is None:
            return DEFAULT_ENDPOINT_DELAY_NS
        scaled = self.endpoint_delay_ns * self.injection_scale
        return int(scaled) if INT32_MIN <= scaled <= INT32_MAX else INT32_MIN  # as the hardware converts doubles

    @property
    def lane_width(self) -> int:
        """Chunks a lane works on at once; none where there are no lanes."""
        if self.num_queues_per_dim < 1:
            return 0
        return math.ceil(self.active_chunks_per_dimension / self.num_queues_per_dim)

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, Any],
        *,
        num_queues_per_dim: int = 1,
        injection_scale: float = 1.0,
        rendezvous: bool = False,
        variant: Variant = Variant.ASTRA_SIM,
    ) -> SystemConfig:
        """Read the system JSON's object of a program; the other arguments are its command-line options.

        Raises:
            ConfigurationError: Naming every malformed key, its value and what is allowed.
        """
        return _SystemReader(mapping, variant).read(num_queues_per_dim, injection_scale, rendezvous=rendezvous)


_CHOICES = {
    "scheduling-policy": ("scheduling_policy", SCHEDULING_POLICIES),
    "collective-optimization": ("collective_optimization", COLLECTIVE_OPTIMIZATIONS),
}
_INTEGERS = {
    "local-reduction-delay": "local_reduction_delay_ns",
    "active-chunks-per-dimension": "active_chunks_per_dimension",
    "endpoint-delay": "endpoint_delay_ns",
    "preferred-dataset-splits": "preferred_dataset_splits",
}
_SINGLES = {
    "L": "bus_latency_ns",
    "o": "bus_overhead_ns",
    "g": "bus_gap_ns",
    "G": "bus_gap_ns_per_byte",
}
_DOUBLES = {
    "peak-perf": "peak_perf_tflop_per_s",
    "local-mem-bw": "local_mem_bw_gb_per_s",
}
_SWITCHES = {
    "roofline-enabled": "roofline_enabled",
    "replay-only": "replay_only",
    "track-local-mem": "track_local_mem",
}
_SHARED_BUS = "model-shared-bus"
_PER_NODE_CUSTOM = "per-node-custom-implementation"
_LOG_FILE = "local-mem-trace-filename"
_NO_TIMING = ("trace-enabled", _LOG_FILE)
"""Settings of the original's logging; they change no time."""

_READING_ORDER = (
    CollectiveKind.ALL_REDUCE,
    CollectiveKind.REDUCE_SCATTER,
    CollectiveKind.ALL_GATHER,
    CollectiveKind.ALL_TO_ALL,
)


class _SystemReader:
    """Reads a system JSON's object key by key in the original's order, collecting faults and warnings."""

    def __init__(self, mapping: Mapping[str, Any], variant: Variant) -> None:
        self._variant = variant
        self._faults = Faults("system configuration")
        self._mapping = self._faults.mapping(mapping)
        self._values: dict[str, Any] = {}
        self._warnings: list[str] = []

    def read(self, num_queues_per_dim: int, injection_scale: float, *, rendezvous: bool) -> SystemConfig:
        """The configuration, or all faults at once."""
        if num_queues_per_dim > MOST_QUEUES:
            self._faults.add_value("num-queues-per-dim", num_queues_per_dim, f"an integer of at most {MOST_QUEUES}")
        if finite(injection_scale) is None:
            self._faults.add_type("injection-scale", injection_scale, "a finite number")
        self._read_choices()
        self._read_numbers()
        self._read_switches()
        self._read_text(_LOG_FILE, "the beginning of a file name")
        self._read_implementations()
        self._read_customs()
        self._warn_of_unknown_keys()
        self._faults.check()
        return SystemConfig(
            num_queues_per_dim=num_queues_per_dim,
            injection_scale=injection_scale,
            rendezvous=rendezvous,
            variant=self._variant,
            warnings=tuple(self._warnings),
            **self._values,
        )

    def _read_choices(self) -> None:
        for key, (name, allowed) in _CHOICES.items():
            if key not in self._mapping:
                continue
            value = self._mapping[key]
            if not isinstance(value, str):
                self._faults.add_type(key, value, f"one of {', '.join(allowed)}")
            elif value not in allowed:
                self._faults.add_unknown(key, value, allowed)
            else:
                self._values[name] = value

    def _read_numbers(self) -> None:
        mapping, faults = self._mapping, self._faults
        for key, name in _INTEGERS.items():
            if key in mapping:
                self._values[name] = faults.integer(key, mapping[key])
        for key, name in _SINGLES.items():
            if key in mapping:
                number = faults.number(key, mapping[key])
                if abs(number) > MOST_FLOAT32:
                    faults.add_value(key, mapping[key], f"a number of at most {MOST_FLOAT32}")
                    continue
                (single,) = struct.unpack("f", struct.pack("f", number))
                self._values[name] = single if key == "G" else int(single)
        for key, name in _DOUBLES.items():
            if key in mapping:
                value = mapping[key]
                # Unlike elsewhere, the original takes no truth value for a number of double precision.
                self._values[name] = faults.number(key, None if isinstance(value, bool) else value)
        if _SHARED_BUS in mapping:
            self._values["model_shared_bus"] = faults.integer(_SHARED_BUS, mapping[_SHARED_BUS]) == 1

    def _read_switches(self) -> None:
        for key, name in _SWITCHES.items():
            if key not in self._mapping:
                continue
            value = self._mapping[key]
            # The original compares JSON values: false is not the number 0, so it switches the feature on.
            self._values[name] = isinstance(value, bool) or value != 0
            if value is False:
                self._warnings.append(f"{key}: false switches the feature on, because only the number 0 is off")

    def _read_text(self, key: str, allowed: str) -> str | None:
        text = self._mapping.get(key)
        if key in self._mapping and not isinstance(text, str):
            self._faults.add_type(key, text, allowed)
        return text

    def _read_implementations(self) -> None:
        implementations: dict[CollectiveKind, tuple[str, ...]] = {}
        for kind in _READING_ORDER:
            key = f"{kind.value}-implementation"
            if key not in self._mapping:
                continue
            names = self._mapping[key]
            if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
                self._faults.add_type(key, names, "a list of algorithm names, one per dimension")
                continue
            for index, name in enumerate(names):
                if not is_known(name, self._variant):
                    self._faults.add_unknown(f"{key}[{index}]", name, known_names(self._variant))
                elif not has_legal_window(name, self._variant):
                    self._faults.add_type(f"{key}[{index}]", name, "an algorithm with a number for its window")
            implementations[kind] = tuple(names)
        self._values["implementations"] = implementations

    def _read_customs(self) -> None:
        customs: dict[CollectiveKind, str] = {}
        for kind in reversed(_READING_ORDER):
            key = f"{kind.value}-implementation-custom"
            if key not in self._mapping:
                continue
            paths = self._mapping[key]
            if isinstance(paths, list | tuple) and len(paths) == 1 and isinstance(paths[0], str):
                customs[kind] = paths[0]
            else:
                self._faults.add_type(key, paths, "a list of exactly one path prefix")
        self._values["custom_implementations"] = customs
        if customs and self._variant is Variant.RAPID_LLM:
            keys = ", ".join(f"{kind.value}-implementation-custom" for kind in customs)
            self._faults.add(f"{keys}: collectives described by traces are not re-created for {self._variant.value}")
        self._values["per_node_custom_path"] = self._read_text(_PER_NODE_CUSTOM, "the path of a YAML file")

    def _warn_of_unknown_keys(self) -> None:
        known = {*_INTEGERS, *_SINGLES, *_DOUBLES, *_CHOICES, *_SWITCHES, *_NO_TIMING, _SHARED_BUS, _PER_NODE_CUSTOM}
        for kind in CollectiveKind:
            known |= {f"{kind.value}-implementation", f"{kind.value}-implementation-custom"}
        self._warnings += ignored_keys(self._mapping, known, _IGNORED_KEYS)
