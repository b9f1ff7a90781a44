"""Many small questions to every simulator: collectives by size, and scenarios by configuration.

Reading order: ``bandwidth`` and ``alpha_beta`` (what a time means), ``curves`` (times by size, where they cross),
``contestants`` (who is asked), ``collectives`` (the sweep of collectives); ``variations`` and ``decide`` (the ranking
of configurations).
"""

from versim.sweep.alpha_beta import Fit as Fit
from versim.sweep.alpha_beta import fit as fit
from versim.sweep.bandwidth import algorithm_bandwidth as algorithm_bandwidth
from versim.sweep.bandwidth import bus_bandwidth as bus_bandwidth
from versim.sweep.collectives import CollectiveSweep as CollectiveSweep
from versim.sweep.collectives import SweepRange as SweepRange
from versim.sweep.collectives import sweep_collectives as sweep_collectives
from versim.sweep.contestants import Contestant as Contestant
from versim.sweep.contestants import backend_contestant as backend_contestant
from versim.sweep.contestants import contestants_of as contestants_of
from versim.sweep.contestants import proposed_device as proposed_device
from versim.sweep.contestants import timing_contestant as timing_contestant
from versim.sweep.curves import Crossing as Crossing
from versim.sweep.curves import Curve as Curve
from versim.sweep.curves import crossings as crossings
