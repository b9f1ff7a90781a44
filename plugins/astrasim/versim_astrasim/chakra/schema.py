"""The schema of Chakra's messages, from the official package, which only reading and writing traces needs.

``mlc-chakra`` brings far more than versim itself, so that it may be left out (docs/trust.md); then this says so.
"""

from __future__ import annotations

from versim import VersimError

try:
    from chakra.schema.protobuf import et_def_pb2 as schema
except ModuleNotFoundError as error:
    raise VersimError(
        f"reading and writing Chakra traces needs the Python module {error.name!r}, which is not installed: "
        "pip install mlc-chakra"
    ) from error

__all__ = ["schema"]
