"""What a step runs on: the network that everybody asks the same questions, and the device."""

from versim.fabric.clusters import CLUSTERS as CLUSTERS
from versim.fabric.clusters import Cluster as Cluster
from versim.fabric.clusters import ClusterChoice as ClusterChoice
from versim.fabric.cuts import Cut as Cut
from versim.fabric.data_sheets import DATA_SHEETS as DATA_SHEETS
from versim.fabric.data_sheets import DataSheet as DataSheet
from versim.fabric.data_sheets import data_sheet as data_sheet
from versim.fabric.degradation import Degradation as Degradation
from versim.fabric.device import Device as Device
from versim.fabric.fabric import Fabric as Fabric
from versim.fabric.legs import Leg as Leg
from versim.fabric.message import Message as Message
from versim.fabric.network import Dimension as Dimension
from versim.fabric.network import Link as Link
from versim.fabric.network import Topology as Topology
from versim.fabric.routes import Hop as Hop
from versim.fabric.spread import Level as Level
from versim.fabric.spread import Spread as Spread
from versim.fabric.system import System as System
