"""What a training step does: nodes placed on a mesh, dependencies, and communications that join their parts."""

from versim.graph.builder import GraphBuilder
from versim.graph.classes import RankClasses
from versim.graph.columns import HOST, NONE, UNTIMED, ExecutionGraph, Op, Scope
from versim.graph.instances import (
    Instances,
    distinct_communications,
    hold_instances_to_memory,
    instances_of,
    made_for,
    participants_of,
    sharing_instances,
)
from versim.graph.layout import LAYOUTS, laid_out
from versim.graph.limits import hold_to_memory, hold_to_size
from versim.graph.order import topological_order
from versim.graph.places import ELSEWHERE, Places
from versim.graph.slow_devices import SlowDevices, slowed
from versim.graph.validate import checked
from versim.graph.views import Communication, Node
from versim.graph.ways import told_apart

__all__ = [
    "ELSEWHERE",
    "HOST",
    "LAYOUTS",
    "NONE",
    "UNTIMED",
    "Communication",
    "ExecutionGraph",
    "GraphBuilder",
    "Instances",
    "Node",
    "Op",
    "Places",
    "RankClasses",
    "Scope",
    "SlowDevices",
    "checked",
    "distinct_communications",
    "hold_instances_to_memory",
    "hold_to_memory",
    "hold_to_size",
    "instances_of",
    "laid_out",
    "made_for",
    "participants_of",
    "sharing_instances",
    "slowed",
    "told_apart",
    "topological_order",
]
