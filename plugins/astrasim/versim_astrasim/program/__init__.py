"""The real ASTRA-sim: find it, write its files, run it, read what it prints and logs, remember its answers.

Reading order: ``launch``, ``working_folder``, ``export`` (with ``trace_labels``), ``parse``, ``node_log``,
``logged_times``, ``failure``, ``prediction``, ``running``, ``capabilities``, ``cache``.
"""
