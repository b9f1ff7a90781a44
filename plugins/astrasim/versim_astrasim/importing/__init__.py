"""Execution traces ─▶ an execution graph on a mesh of the single axis ``rank``.

Reading order: ``sources`` (which files, which groups), ``work`` (what a node does), ``matching`` (parts of one
communication), ``order`` (whether dependencies fix the order that matching relies on), ``build``, ``origin`` (ids and
groups to be kept when the graph is written again), ``producer``.
"""
