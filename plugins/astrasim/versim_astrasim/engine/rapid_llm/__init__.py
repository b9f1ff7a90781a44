"""The fork of ASTRA-sim that RAPID-LLM drives: its networks, its faulty links, and where its system layer differs.

Measured on gkarfakis19/astra-sim 32bec13 with gkarfakis19/astra-network-analytical 0691320 (golden/astrasim-fork, and
random cases held against the program). Its oddities are kept: they are what its users see.
"""
