"""ASTRA-sim for versim: its analytical programs or their re-creation as a backend and network timing, and its traces.

Read ``translate`` first: it makes of a pinned graph everything the simulator is given (``configuration``: network and
system files; ``encoding``: how long compute lasts; ``numbering``: who has the right of way; ``traces``; ``losses``).
``step.engine`` and ``program`` run it, here or through ``export``, ``launch`` and ``parse``; ``predict`` and
``diagnosis`` turn the answer into a prediction. ``chakra`` reads and writes trace files, ``importing`` makes graphs of
them, ``lint`` finds what makes simulators hang, ``timing`` times a communication alone (``alone``, ``cache``: by the
real program), ``capabilities`` says what a real program can do, and ``engine`` is the simulator itself.
"""
