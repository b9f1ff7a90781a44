"""Many small questions to every simulator: collectives by size, and scenarios by configuration.

Reading order: ``contestants`` (who is asked), ``collectives`` (the sweep of collectives); ``variations`` and ``decide``
(the ranking of configurations). What times by size mean is in :mod:`versim.curves`.
"""

from versim.curves.alpha_beta import Fit as Fit
from versim.curves.alpha_beta import fit as fit
from versim.curves.bandwidth import algorithm_bandwidth as algorithm_bandwidth
from versim.curves.bandwidth import bus_bandwidth as bus_bandwidth
from versim.curves.curve import Crossing as Crossing
from versim.curves.curve import Curve as Curve
from versim.curves.curve import crossings as crossings
from versim.sweep.collectives import CollectiveSweep as CollectiveSweep
from versim.sweep.collectives import SweepRange as SweepRange
from versim.sweep.collectives import sweep_collectives as sweep_collectives
from versim.sweep.contestants import Contestant as Contestant
from versim.sweep.contestants import backend_contestant as backend_contestant
from versim.sweep.contestants import contestants_of as contestants_of
from versim.sweep.contestants import proposed_device as proposed_device
from versim.sweep.contestants import timing_contestant as timing_contestant
