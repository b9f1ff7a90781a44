"""A step of versim as ASTRA-sim's input, and its answer as a prediction.

Reading order: ``configuration`` (network, system, memory), ``custom_collectives``, ``encoding`` (durations),
``origin``, ``numbering``, ``losses``, ``traces``, ``simulator_input``, ``translate``; then
``engine``, ``node_times``, ``diagnosis``, ``prediction``.
"""
