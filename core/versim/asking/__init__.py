"""One backend, one question: what a step takes, and what a communication takes alone.

The only room that gives a backend anything. Reading order: ``preparation`` (a workload under a pin becomes inputs),
``simulation`` (a backend is asked about them), ``isolation`` (and about each communication alone), ``network`` (and
whether those answers are of the network that everybody got), ``contestants`` (whoever times a collective).
"""
