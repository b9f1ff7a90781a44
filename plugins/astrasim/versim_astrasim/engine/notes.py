"""What a run silently changes in its inputs: said once, not once per rank."""

from __future__ import annotations

from collections.abc import Iterator

from versim_astrasim.engine.outcome import Finding


class Notes:
    """Findings about inputs that ran as something else than they say."""

    def __init__(self) -> None:
        self._findings: dict[str, tuple[int, int, int]] = {}

    def add(self, rank: int, node_id: int, text: str, times: int = 1) -> None:
        """Note something that happened so many times; the same text again only counts."""
        first_rank, first_node, count = self._findings.get(text, (rank, node_id, 0))
        self._findings[text] = (first_rank, first_node, count + times)

    def findings(self) -> Iterator[Finding]:
        """One finding per text, with where it was first seen and how often."""
        for text, (rank, node_id, count) in self._findings.items():
            yield Finding(rank, node_id, text if count == 1 else f"{text} ({count} times, first here)")
