"""The hooks a plugin may implement. Answers are pooled and sorted by name; a repeated name is an error.

Each hook is called once per registry, when its kind of component is first asked for, and must be cheap. It answers with
components, or with a mapping of their names to where they are: ``{"name": "package.module:Class"}``. Such a class is
imported and called, without arguments, when somebody asks for the component of that name. A hook that will go is marked
``warn_on_impl`` for one release, so that plugins which still implement it are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from versim.components import GraphProducer, Reporter, SimulatorBackend, TimingModel, Verifier

PROJECT = "versim"
"""The project name of the hook markers and the entry-point group."""

API_VERSION = 1
"""The version of these hooks. A plugin states the one it was written for as ``VERSIM_API_VERSION``."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def versim_graph_producers() -> Iterable[GraphProducer] | Mapping[str, str]:  # type: ignore[empty-body]
    """Offer graph producers: options ─▶ execution graph.

    :returns: zero or more :class:`versim.GraphProducer`, or where they are by name.
    """


@hookspec
def versim_timing_models() -> Iterable[TimingModel] | Mapping[str, str]:  # type: ignore[empty-body]
    """Offer timing models: seconds for compute work, for communication, or for both.

    :returns: zero or more :class:`versim.TimingModel`, or where they are by name.
    """


@hookspec
def versim_backends() -> Iterable[SimulatorBackend] | Mapping[str, str]:  # type: ignore[empty-body]
    """Offer simulator backends: pinned graph and system ─▶ prediction.

    :returns: zero or more :class:`versim.SimulatorBackend`, or where they are by name.
    """


@hookspec
def versim_reporters() -> Iterable[Reporter] | Mapping[str, str]:  # type: ignore[empty-body]
    """Offer reporters: a finished report ─▶ text.

    :returns: zero or more :class:`versim.Reporter`, or where they are by name.
    """


@hookspec
def versim_verifiers() -> Iterable[Verifier] | Mapping[str, str]:  # type: ignore[empty-body]
    """Offer verifiers: tables of a program's own answers ─▶ how many come out the same.

    :returns: zero or more :class:`versim.Verifier`, or where they are by name.
    """


@hookspec
def versim_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Offer further commands of ``versim``: name ─▶ ``"module:attribute"`` of a click command.

    The module is imported only when the command is used, so that ``versim --help`` stays fast; the help text shown
    there is the part after a space: ``"versim_x.cli:lint  Find what makes simulators hang."``.

    :returns: a mapping of command names to where they are.
    """
