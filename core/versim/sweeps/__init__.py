"""Many small questions to every simulator: collectives by size, and scenarios by configuration.

Reading order: ``collectives`` (the sweep of collectives); ``axes``, ``keys``, ``expression`` and ``space`` (which
configurations), ``settings`` (as people write them), ``fingerprint`` and ``step_sizes`` (what is known of them
already), ``tasks`` (one configuration each), ``execution`` (all of them, over any executor), ``sweep`` (the whole) and
``results``; ``step_terms`` and ``choice`` (the ranking of configurations). What times by size mean is in
:mod:`versim.curves`, who is asked in :mod:`versim.asking`.
"""
