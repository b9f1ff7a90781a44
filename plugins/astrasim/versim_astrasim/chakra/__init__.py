"""Chakra execution traces: the files ASTRA-sim reads, one per rank.

Reading order: ``schema`` (of the messages), ``framing`` (messages of a stream), ``wire`` (fields of both generations of
the format), ``generation`` (which one a file is in), ``attributes``, ``columns``, ``process_groups``, ``labels``,
``reader``, ``alike`` (many files at once), ``writer``, ``elided_nodes``.
"""
