"""NCCL's own model of its collectives: which algorithm and protocol it chooses for a size, and what that takes.

Reading order: ``constants`` (published figures), ``channels`` (what a network is to NCCL), ``tuning`` (latency and
bandwidth of each algorithm and protocol), ``calibration`` (what two constants per GPU and two per kind of network card
make of it), ``timing`` (the network timing ``nccl``).
"""
