"""Every rule: its severity where it is always the same, and what to do about a finding.

``docs/lint-rules.md`` explains each; behaviour is that of ASTRA-sim 518bd51 (measured on the real program; each rule's
paragraph says what it does).
"""

from __future__ import annotations

import attrs
from versim import Finding, Severity

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO


@attrs.frozen
class Rule:
    """A rule.

    Attributes:
        id: Its name.
        severity: Of its findings.
        remedy: What to do.
    """

    id: str
    severity: Severity
    remedy: str


_TABLE: tuple[tuple[str, Severity, str], ...] = (
    # Files.
    ("unreadable-trace", _E, "write the trace again, uncompressed"),
    ("old-schema", _E, "convert the trace to schema 0.0.4, e.g. by importing and exporting it with versim"),
    ("no-metadata", _E, "write the file with global metadata in front, e.g. by importing and exporting it with versim"),
    ("missing-rank", _E, "write one file per rank of the network"),
    ("extra-rank", _W, "use a network of as many ranks as the trace has"),
    ("configuration", _E, "correct the file"),
    ("repeated-attribute", _W, "give the attribute once"),
    (
        "group-attribute",
        _W,
        "write the group's number as the text pg_name; importing and exporting with comm_group: true does",
    ),
    ("untracked-tensors", _E, "give every node the lists of texts inputs and outputs, or switch track-local-mem off"),
    # Nodes and their order.
    ("empty-trace", _E, "give the rank at least one node, e.g. a compute node of 1 µs"),
    ("no-root", _E, "let some node of the rank wait for nothing"),
    ("dangling-dependency", _E, "remove the dependency, or add the node it names"),
    ("dependency-cycle", _E, "remove one of the dependencies of the circle"),
    ("duplicate-id", _E, "give every node of a rank its own id"),
    ("metadata-node", _E, "leave metadata nodes out; importing the trace with versim does"),
    ("invalid-node", _W, "leave the node out and let what waits for it wait for what it waits for"),
    ("invalid-strands", _E, "leave the node out and let what waits for it wait for what it waits for"),
    # Attributes.
    ("missing-attribute", _E, "add the attribute"),
    ("attribute-type", _E, "write the attribute as the type that is wanted"),
    ("group-name", _E, "name groups by whole numbers above 0, as the group file does"),
    ("group-name-read", _W, "name groups by plain whole numbers, as the group file does"),
    ("unsupported-collective", _E, "express it as all-reduce, all-gather, reduce-scatter, all-to-all or messages"),
    ("broadcast", _W, "express it as messages or an all-gather, or record its duration"),
    ("cpu-communication", _E, "set is_cpu_op to false"),
    ("cpu-statistics", _W, "set is_cpu_op to false, or read the finish only"),
    (
        "memory-node",
        _E,
        "give the remote-memory file with --remote-memory; it needs another type than NO_MEMORY_EXPANSION",
    ),
    ("memory-refused", _E, "give a remote-memory file other than NO_MEMORY_EXPANSION"),
    ("zero-size", _E, "leave the communication out when there is nothing to send"),
    ("zero-size-collective", _W, "leave the collective out when there is nothing to do"),
    ("zero-duration", _I, "record a duration, or leave the node out"),
    ("untimed-work", _W, "set roofline-enabled to 1 and peak-perf, or record durations"),
    ("no-operations", _E, "leave the node out, or give it operations"),
    ("huge-value", _E, "write the value the program can hold"),
    ("duration-overflow", _E, "record the duration in microseconds, below 2^64 ns"),
    # Messages.
    ("self-message", _E, "leave the message out, or replace it by compute"),
    ("self-message-switch", _W, "leave the message out, or replace it by compute"),
    ("peer-outside", _E, "name a rank of the network"),
    ("wrong-end", _E, "leave the attribute out, or set it to the rank the node stands on"),
    ("unmatched-send", _W, "add the receive with the same tag, size and peer, or remove the send"),
    ("unmatched-recv", _E, "add the send with the same tag, size and peer, or remove the receive"),
    ("message-size", _E, "give both ends the same comm_size"),
    ("message-tag", _E, "give both ends the same comm_tag"),
    ("tag-range", _W, "use tags below 500000000"),
    # Groups and collectives.
    ("no-group-file", _E, "give the group file with --comm-groups"),
    ("groups-unused", _I, "name the group in pg_name where collectives are of one"),
    ("unknown-group", _E, "add the group to the group file"),
    ("group-of-one", _E, "leave collectives of one rank out"),
    ("group-rank-outside", _E, "list ranks of the network only"),
    ("group-duplicate", _E, "list every rank once"),
    ("not-a-member", _E, "add the rank to the group, or name another group"),
    ("group-id", _E, "use group ids above 0"),
    ("group-id-clash", _W, "use group ids that do not differ by a multiple of 500"),
    ("collective-partner", _E, "add the missing part, or remove the extra one"),
    ("collective-kind", _E, "let every rank of the group do the same collectives in the same order"),
    ("collective-size", _E, "give all parts the same comm_size"),
    ("collective-unordered", _W, "let each collective of a group wait for the one before it, on all ranks alike"),
    ("collective-dimensions", _E, "give all parts the same involved_dim"),
    ("collective-names", _W, "let the ranks start collectives in one order, or name their parts alike"),
    ("collective-order", _I, "let each collective of a group wait for the one before it"),
    ("unbalanced-world", _E, "name the world as a group of all ranks in the group file"),
    ("unbalanced-world-unordered", _W, "name the world as a group of all ranks in the group file"),
    # Network and system files.
    ("inflated-size", _W, "lower preferred-dataset-splits, or send more at once"),
    ("remainder-chunk", _W, "choose sizes that preferred-dataset-splits divides"),
    ("endless-all-gather", _E, "lower preferred-dataset-splits to the size at most"),
    ("splits", _E, "set preferred-dataset-splits to 1 or more"),
    ("active-chunks", _E, "set active-chunks-per-dimension to 1 or more"),
    ("no-algorithm", _E, "add the kind's implementation list to the system file"),
    ("algorithm-count", _E, "list one algorithm per dimension at most"),
    ("algorithm-power-of-two", _E, "use ring or direct"),
    ("algorithm-kind", _E, "use ring or direct for this kind"),
    ("tree-kind", _W, "use ring or direct for this kind"),
    ("window", _E, "use direct, or directK with K of at least 1"),
    ("halved-away", _E, "use ring, or send more at once"),
    ("custom-splits", _E, "set preferred-dataset-splits to 1"),
    ("ring-of-two", _E, "use FullyConnected or Switch for two ranks"),
    ("no-dimension", _E, "involve a dimension of more than one rank"),
    ("ignored-dimensions", _W, "describe the group in the group file only"),
    ("optimization-unset", _E, "set collective-optimization to localBWAware or baseline"),
    ("false-enables", _W, "write 0 instead of false"),
    ("ignored-key", _W, "remove the key, or spell it as the program does"),
    ("endpoint-delay", _E, "set endpoint-delay to 1 or more"),
    ("instant-start", _E, "let the node wait for compute of at least 1 ns"),
    # The run itself.
    ("issue-deadlock", _E, "change ids or dependencies so that all ranks reach the same communication first"),
    ("run-fails", _E, "correct the node"),
    ("not-simulated", _I, "run the simulator to be sure"),
)

RULES = {name: Rule(name, severity, remedy) for name, severity, remedy in _TABLE}
"""Rules by id."""


def finding(rule: str, message: str, rank: int | None = None, node: int | None = None) -> Finding:
    """A finding of a rule.

    Args:
        rule: A key of :data:`RULES`.
        message: What is wrong.
        rank: Where.
        node: The trace node's id.
    """
    known = RULES[rule]
    return Finding(rule=rule, severity=known.severity, rank=rank, node=node, message=message, remedy=known.remedy)
