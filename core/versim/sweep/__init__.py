"""Many small questions to every simulator: collectives by size, and scenarios by configuration.

Reading order: ``collectives`` (the sweep of collectives); ``variations`` and ``decide`` (the ranking of
configurations). What times by size mean is in :mod:`versim.curves`, who is asked in :mod:`versim.asking`.
"""

from versim.sweep.collectives import sweep_collectives as sweep_collectives
