"""ASTRA-sim for versim: the real analytical programs, or their re-creation, as a backend and a network timing.

Read ``translate`` first: it makes of a pinned graph everything the simulator is given (``configuration``: network and
system files; ``encoding``: how long compute lasts; ``numbering``: who has the right of way; ``traces``; ``losses``).
``embedded`` and ``program`` run it, here or through ``export``, ``launch`` and ``parse``; ``predict`` and ``diagnosis``
turn the answer into a prediction. ``chakra`` reads and writes trace files, ``timing`` times a communication alone, and
``engine`` is the simulator itself.
"""
