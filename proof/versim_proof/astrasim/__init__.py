"""Tables of ASTRA-sim's answers.

Reading order: ``table_faults`` (the form of a case), ``command_line``, ``cases``, ``verifier``; ``lint_figures``.
"""
