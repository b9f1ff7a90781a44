"""What a communication takes by size: times, the bandwidths they mean, the α and β they imply, where models cross.

Reading order: ``bandwidth``, ``alpha_beta``, ``curve``, ``communication_curves`` (the communications of a step),
``collective_sweep`` (collectives by kind, ranks and algorithm), ``errors_by_size`` and ``collective_errors`` (against a
measured curve), ``ring_fit`` (as a system).
"""

from versim.curves.alpha_beta import Fit as Fit
from versim.curves.alpha_beta import fit as fit
from versim.curves.bandwidth import algorithm_bandwidth as algorithm_bandwidth
from versim.curves.bandwidth import bus_bandwidth as bus_bandwidth
from versim.curves.collective_sweep import CollectiveSweep as CollectiveSweep
from versim.curves.collective_sweep import SweepRange as SweepRange
from versim.curves.communication_curves import SweptCommunication as SweptCommunication
from versim.curves.communication_curves import telling_crossings as telling_crossings
from versim.curves.curve import Crossing as Crossing
from versim.curves.curve import Curve as Curve
from versim.curves.curve import crossings as crossings
