"""Scenarios: which graphs, pinned how, on what system, are given to which simulators.

>>> from versim.registry import load_registry
>>> from versim.scenario import load_scenario
>>> scenario = load_scenario("bundled", load_registry())                     # doctest: +SKIP

Reading order: ``model`` (the values), ``form`` (written form to model and
back), ``check`` (references and plugins), ``makers`` (who makes them of files),
``presence`` (optional simulators), ``lenders`` (durations that one workload
borrows from another), ``load``, ``overrides`` (what a command line changes).
"""

from versim.scenario.check import check_scenario as check_scenario
from versim.scenario.load import DEFAULT_SCENARIO as DEFAULT_SCENARIO
from versim.scenario.load import dump_scenario as dump_scenario
from versim.scenario.load import load_scenario as load_scenario
from versim.scenario.load import structure_scenario as structure_scenario
from versim.scenario.model import DevicePart as DevicePart
from versim.scenario.model import DurationSource as DurationSource
from versim.scenario.model import Instance as Instance
from versim.scenario.model import Pin as Pin
from versim.scenario.model import Scenario as Scenario
from versim.scenario.model import Search as Search
from versim.scenario.model import SystemPart as SystemPart
from versim.scenario.model import TimingChoice as TimingChoice
from versim.scenario.model import Workload as Workload
from versim.scenario.overrides import override as override
