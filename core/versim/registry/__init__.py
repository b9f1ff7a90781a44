"""The registry: finding plugins, and every component they offer by kind and name.

>>> from versim.registry import load_registry
>>> registry = load_registry()
>>> registry.backend("astrasim")                                             # doctest: +SKIP

Reading order: ``plugins`` (found and loaded, each alone), ``contracts`` (what an answer must be), ``registry``
(pooled by name); ``options`` holds plain data against a component's options class, ``resolution`` does it once for each
set of options.
"""

from versim.registry.contracts import Command as Command
from versim.registry.options import OptionInfo as OptionInfo
from versim.registry.options import describe_options as describe_options
from versim.registry.options import resolve_paths as resolve_paths
from versim.registry.options import structure_options as structure_options
from versim.registry.plugins import PluginError as PluginError
from versim.registry.registry import Plugin as Plugin
from versim.registry.registry import Registry as Registry
from versim.registry.registry import UnknownComponentError as UnknownComponentError
from versim.registry.registry import load_registry as load_registry
from versim.registry.resolution import Resolved as Resolved
