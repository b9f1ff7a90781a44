"""What makes ASTRA-sim hang or lie, found before it runs.

Reading order: ``findings``, ``rules`` (every rule with its severity and remedy), ``step`` (what is looked at), then the
checks: ``dependencies``, ``attributes``, ``messages``, ``groups``, ``collectives``, ``sizes``, ``counters``,
``configuration``, ``algorithms``, ``running`` (the embedded engine as the last rule), and ``check``, which calls them.
``loading`` makes a step of files, ``command`` is ``versim lint``, ``preflight`` looks at what a simulation is given.
"""
