"""versim: one execution graph, several simulators, and where and why their answers differ.

Everything a plugin or a notebook needs is here, and nothing else is public. Names load on first use, so that
``versim --help`` does not wait for numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from warnings import warn

if TYPE_CHECKING:
    from versim.answer import consumed_as_pinned as consumed_as_pinned
    from versim.answer import prediction_of as prediction_of
    from versim.asking.predict import predict as predict
    from versim.atomic import new_files as new_files
    from versim.atomic import new_folder as new_folder
    from versim.atomic import writing as writing
    from versim.children import child_process as child_process
    from versim.codes import Codes as Codes
    from versim.comparison import Attribution as Attribution
    from versim.comparison import Breakdown as Breakdown
    from versim.comparison import Check as Check
    from versim.comparison import Comparison as Comparison
    from versim.comparison import CriticalPath as CriticalPath
    from versim.comparison import Move as Move
    from versim.comparison import PathChange as PathChange
    from versim.comparison import PathStep as PathStep
    from versim.comparison import Pattern as Pattern
    from versim.comparison import Report as Report
    from versim.comparison import Result as Result
    from versim.comparison import Timeline as Timeline
    from versim.comparison import Totals as Totals
    from versim.comparison import Unpinned as Unpinned
    from versim.comparison import WorkloadReport as WorkloadReport
    from versim.comparison import common_instances as common_instances
    from versim.comparison import compare_predictions as compare_predictions
    from versim.comparison import timeline as timeline
    from versim.comparison.accuracy import Accuracy as Accuracy
    from versim.comparison.accuracy import InstanceAccuracy as InstanceAccuracy
    from versim.comparison.accuracy import accuracy as accuracy
    from versim.comparison.accuracy import held_against_measurements as held_against_measurements
    from versim.comparison.accuracy import measured_reference as measured_reference
    from versim.comparison.accuracy import signed_error as signed_error
    from versim.comparison.causes import TermCauses as TermCauses
    from versim.components import Component as Component
    from versim.components import CountsRanks as CountsRanks
    from versim.components import Destination as Destination
    from versim.components import Diagnoses as Diagnoses
    from versim.components import Diagnostic as Diagnostic
    from versim.components import Drafts as Drafts
    from versim.components import Exports as Exports
    from versim.components import Finding as Finding
    from versim.components import GraphProducer as GraphProducer
    from versim.components import HoldsSessions as HoldsSessions
    from versim.components import Isolates as Isolates
    from versim.components import LimitsNetwork as LimitsNetwork
    from versim.components import MakesScenarios as MakesScenarios
    from versim.components import MeasuresNetwork as MeasuresNetwork
    from versim.components import NoOptions as NoOptions
    from versim.components import OffersPresets as OffersPresets
    from versim.components import Preflights as Preflights
    from versim.components import PresetInfo as PresetInfo
    from versim.components import ProposesSystem as ProposesSystem
    from versim.components import Rendering as Rendering
    from versim.components import Reporter as Reporter
    from versim.components import Resembles as Resembles
    from versim.components import Severity as Severity
    from versim.components import ShowsCollectives as ShowsCollectives
    from versim.components import SimulationRequest as SimulationRequest
    from versim.components import SimulatorBackend as SimulatorBackend
    from versim.components import Sizes as Sizes
    from versim.components import TableResult as TableResult
    from versim.components import TimingModel as TimingModel
    from versim.components import Verifier as Verifier
    from versim.components import Verifies as Verifies
    from versim.components import option as option
    from versim.curves import CollectiveSweep as CollectiveSweep
    from versim.curves import Crossing as Crossing
    from versim.curves import Curve as Curve
    from versim.curves import SweptCommunication as SweptCommunication
    from versim.curves import bus_bandwidth as bus_bandwidth
    from versim.documents import write_report as write_report
    from versim.errors import ComponentError as ComponentError
    from versim.errors import FaultsError as FaultsError
    from versim.errors import SimulationError as SimulationError
    from versim.errors import UnknownNameError as UnknownNameError
    from versim.errors import UnsupportedGraphError as UnsupportedGraphError
    from versim.errors import VersimError as VersimError
    from versim.errors import did_you_mean as did_you_mean
    from versim.fabric import CLUSTERS as CLUSTERS
    from versim.fabric import DATA_SHEETS as DATA_SHEETS
    from versim.fabric import Cluster as Cluster
    from versim.fabric import ClusterChoice as ClusterChoice
    from versim.fabric import Cut as Cut
    from versim.fabric import DataSheet as DataSheet
    from versim.fabric import Degradation as Degradation
    from versim.fabric import Device as Device
    from versim.fabric import Dimension as Dimension
    from versim.fabric import Fabric as Fabric
    from versim.fabric import Hop as Hop
    from versim.fabric import Leg as Leg
    from versim.fabric import Level as Level
    from versim.fabric import Link as Link
    from versim.fabric import Message as Message
    from versim.fabric import Spread as Spread
    from versim.fabric import System as System
    from versim.fabric import Topology as Topology
    from versim.fabric import data_sheet as data_sheet
    from versim.graph import HOST as HOST
    from versim.graph import LAYOUTS as LAYOUTS
    from versim.graph import NONE as NONE
    from versim.graph import UNTIMED as UNTIMED
    from versim.graph import Communication as Communication
    from versim.graph import ExecutionGraph as ExecutionGraph
    from versim.graph import GraphBuilder as GraphBuilder
    from versim.graph import Instances as Instances
    from versim.graph import Node as Node
    from versim.graph import Op as Op
    from versim.graph import RankClasses as RankClasses
    from versim.graph import Scope as Scope
    from versim.graph import checked as checked
    from versim.graph import hold_instances_to_memory as hold_instances_to_memory
    from versim.graph import hold_to_memory as hold_to_memory
    from versim.graph import hold_to_size as hold_to_size
    from versim.graph import instances_of as instances_of
    from versim.graph import laid_out as laid_out
    from versim.graph import participants_of as participants_of
    from versim.hookspecs import API_VERSION as API_VERSION
    from versim.hookspecs import hookimpl as hookimpl
    from versim.immutable import unwritable as unwritable
    from versim.inputs import Inputs as Inputs
    from versim.kernel import KernelPart as KernelPart
    from versim.kernel import kernel_part as kernel_part
    from versim.leftovers import claim_folder as claim_folder
    from versim.leftovers import release_folder as release_folder
    from versim.leftovers import remove_abandoned as remove_abandoned
    from versim.mesh import Mesh as Mesh
    from versim.mesh import Placement as Placement
    from versim.origins import origins_in_words as origins_in_words
    from versim.picoseconds import LONGEST_PS as LONGEST_PS
    from versim.picoseconds import TooLongError as TooLongError
    from versim.picoseconds import in_picoseconds as in_picoseconds
    from versim.pinning import communication_s as communication_s
    from versim.pinning import distinct_messages as distinct_messages
    from versim.pinning import messages_of as messages_of
    from versim.pinning import pin as pin
    from versim.prediction import NO_TIME as NO_TIME
    from versim.prediction import Consumed as Consumed
    from versim.prediction import LinkLoads as LinkLoads
    from versim.prediction import Prediction as Prediction
    from versim.prediction import Resource as Resource
    from versim.prediction import Spans as Spans
    from versim.prediction import Status as Status
    from versim.progress import share_done as share_done
    from versim.registry import Registry as Registry
    from versim.registry import load_registry as load_registry
    from versim.registry import structure_options as structure_options
    from versim.run import compare as compare
    from versim.scenario import Scenario as Scenario
    from versim.scenario import load_scenario as load_scenario
    from versim.schedule import Schedule as Schedule
    from versim.schedule import replay as replay
    from versim.schedules import ALGORITHMS as ALGORITHMS
    from versim.schedules import Round as Round
    from versim.schedules import Transfer as Transfer
    from versim.schedules import collective_rounds as collective_rounds
    from versim.sizes import RankMemory as RankMemory
    from versim.sizes import StepSizes as StepSizes
    from versim.storage.document import report_document as report_document
    from versim.storage.document import report_schema as report_schema
    from versim.storage.files import save_report as save_report
    from versim.storage.load import load_predictions as load_predictions
    from versim.storage.load_report import load_report as load_report
    from versim.storage.text import document_text as document_text
    from versim.sweeps.sweep import Sweep as Sweep
    from versim.sweeps.sweep import sweep as sweep
    from versim.timing import ComputeOrigins as ComputeOrigins
    from versim.timing import ComputeTiming as ComputeTiming
    from versim.timing import NetworkLimits as NetworkLimits
    from versim.timing import NetworkOrigins as NetworkOrigins
    from versim.timing import NetworkTiming as NetworkTiming
    from versim.timing import Origin as Origin
    from versim.timing import OriginShare as OriginShare
    from versim.timing import Source as Source
    from versim.units import GB as GB
    from versim.units import GIB as GIB
    from versim.units import NS_PER_S as NS_PER_S
    from versim.units import PS_PER_NS as PS_PER_NS
    from versim.units import PS_PER_S as PS_PER_S
    from versim.work import ATTENTION_BACKWARD as ATTENTION_BACKWARD
    from versim.work import DTYPE_BITS as DTYPE_BITS
    from versim.work import Attention as Attention
    from versim.work import DeviceTerm as DeviceTerm
    from versim.work import Fixed as Fixed
    from versim.work import Folded as Folded
    from versim.work import Gemm as Gemm
    from versim.work import GroupedGemm as GroupedGemm
    from versim.work import HostTransfer as HostTransfer
    from versim.work import Kind as Kind
    from versim.work import Pass as Pass
    from versim.work import Phase as Phase
    from versim.work import Pointwise as Pointwise
    from versim.work import Term as Term
    from versim.work import Work as Work
    from versim.work import shard_bytes as shard_bytes

_HOMES = {
    "asking.predict": "predict",
    "answer": "consumed_as_pinned prediction_of",
    "atomic": "new_files new_folder writing",
    "children": "child_process",
    "comparison": (
        "Attribution Breakdown Check Comparison CriticalPath Move PathChange PathStep Pattern Report Result Timeline "
        "Totals Unpinned WorkloadReport common_instances compare_predictions timeline"
    ),
    "comparison.accuracy": (
        "Accuracy InstanceAccuracy accuracy held_against_measurements measured_reference signed_error"
    ),
    "components": (
        "Component CountsRanks Destination Diagnoses Diagnostic Drafts Exports Finding GraphProducer HoldsSessions "
        "Isolates LimitsNetwork MakesScenarios MeasuresNetwork NoOptions OffersPresets Preflights PresetInfo "
        "ProposesSystem Rendering "
        "Reporter Resembles Severity ShowsCollectives SimulationRequest SimulatorBackend Sizes TableResult TimingModel "
        "Verifier Verifies option"
    ),
    "codes": "Codes",
    "comparison.causes": "TermCauses",
    "curves": "CollectiveSweep Crossing Curve SweptCommunication bus_bandwidth",
    "documents": "write_report",
    "errors": (
        "ComponentError FaultsError SimulationError UnknownNameError UnsupportedGraphError VersimError did_you_mean"
    ),
    "graph": (
        "HOST LAYOUTS NONE UNTIMED Communication ExecutionGraph GraphBuilder Instances Node Op RankClasses Scope "
        "checked distinct_communications hold_instances_to_memory hold_to_memory hold_to_size instances_of laid_out "
        "participants_of"
    ),
    "hookspecs": "API_VERSION hookimpl",
    "kernel": "KernelPart kernel_part",
    "leftovers": "claim_folder release_folder remove_abandoned",
    "mesh": "Mesh Placement",
    "inputs": "Inputs",
    "origins": "origins_in_words",
    "picoseconds": "LONGEST_PS TooLongError in_picoseconds",
    "pinning": "communication_s distinct_messages messages_of pin",
    "prediction": "NO_TIME Consumed LinkLoads Prediction Resource Spans Status",
    "progress": "share_done",
    "registry": "Registry load_registry structure_options",
    "run": "compare",
    "scenario": "Scenario load_scenario",
    "sweeps.sweep": "Sweep sweep",
    "schedule": "Schedule replay",
    "schedules": "ALGORITHMS Round Transfer collective_rounds",
    "sizes": "RankMemory StepSizes",
    "storage.document": "report_document report_schema",
    "storage.files": "save_report",
    "storage.load": "load_predictions",
    "storage.load_report": "load_report",
    "storage.text": "document_text",
    "fabric": (
        "CLUSTERS DATA_SHEETS Cluster ClusterChoice Cut DataSheet Degradation Device Dimension Fabric Hop Leg Level "
        "Link Message Spread System Topology data_sheet"
    ),
    "timing": "ComputeOrigins ComputeTiming NetworkLimits NetworkOrigins NetworkTiming Origin OriginShare Source",
    "units": "GB GIB NS_PER_S PS_PER_NS PS_PER_S",
    "immutable": "unwritable",
    "work": (
        "ATTENTION_BACKWARD DTYPE_BITS Attention DeviceTerm Fixed Folded Gemm GroupedGemm HostTransfer Kind Pass Phase "
        "Pointwise Term Work shard_bytes"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - derived, so that it cannot disagree


_DEPRECATED: dict[str, tuple[str, str]] = {}
"""Public names that will go, kept for one release: old name ─▶ (new name, release that no longer has the old one)."""


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    if name in _DEPRECATED:
        instead, until = _DEPRECATED[name]
        warn(f"versim.{name} goes with versim {until}; use versim.{instead}", DeprecationWarning, stacklevel=2)
        name = instead
    if name == "__version__":
        return _version()
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module 'versim' has no attribute {name!r}") from None
    value = getattr(import_module(f"versim.{home}"), name)
    globals()[name] = value
    return value


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only for who asks

    try:
        return version("versim")
    except PackageNotFoundError:  # run from a folder that was copied
        return "0+unknown"
