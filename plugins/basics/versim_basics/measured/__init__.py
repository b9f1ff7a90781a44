"""Measured training iterations that ship with versim, and how the simulators do on them.

Reading order: ``cases`` (what was measured, and what a graph of it leaves out), ``predict`` (the simulators' answers),
``table`` (both, side by side), ``command`` (``versim measured``).
"""
