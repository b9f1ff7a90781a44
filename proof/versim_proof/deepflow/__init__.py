"""Tables of DeepFlow's answers.

Reading order: ``tables``, ``figures``, ``components``, ``steps``, ``graphs``, ``comparison``.
"""
