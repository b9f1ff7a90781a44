"""Groups that could take one another's messages, which ranks that one stands for would see differently.

Messages of a collective are told apart by size and by a tag, the number of its job: counted from a million times the
group's id on as 32-bit integers do, and taken modulo five hundred million. So ids that are five hundred apart, and some
others beyond two thousand, lead to the same tags. Where such groups share two ranks and have a message of one size, who
sends first is heard by who listens first. Ids are all that groups of ranks which run alike do not have in common.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from versim_astrasim.engine.collective_columns import (
    EXCHANGE_BYTES,
    STEP_BYTES,
    STEP_EXCHANGES,
    STEP_FIRST_EXCHANGE,
    CollectiveColumns,
)
from versim_astrasim.engine.columns import KernelInput
from versim_astrasim.engine.fold import Fold
from versim_astrasim.engine.matching import COLLECTIVE_TAGS
from versim_astrasim.engine.plans import Group


def mistakes_messages(given: KernelInput, fold: Fold, groups: Mapping[int, Sequence[int]]) -> bool:
    """Whether two groups could take one another's messages.

    Args:
        given: The run of the ranks that stand for others.
        fold: Whom they stand for.
        groups: Members of the groups of all ranks, by id.
    """
    collectives = given.collectives
    most = max(_most_jobs(given), default=0)
    suspects = [
        pair
        for pair in sharing_tags(dict.fromkeys(groups, most))
        if len(set(groups[pair[0]]).intersection(groups[pair[1]])) > 1  # a message has two ends
    ]
    if not suspects:
        return False
    numbers = {frozenset(members): number for number, members in groups.items()}
    place = {number: index for index, number in enumerate(collectives.group_ids)}

    @functools.cache
    def sizes(number: int) -> set[int]:
        """Those of the simulated group that this one is like."""
        like = numbers[frozenset(fold.moved_to_representative(groups[number]).tolist())]
        return message_sizes(collectives, place[like])

    return any(not sizes(one).isdisjoint(sizes(other)) for one, other in suspects)


def _most_jobs(given: KernelInput) -> list[int]:
    """How many jobs each simulated group has at most: those of all its members together."""
    collectives = given.collectives
    executions = np.bincount(given.collective[given.collective >= 0], minlength=len(collectives.group))
    jobs = np.zeros(len(collectives.group_ids), dtype=np.int64)
    in_group = np.flatnonzero(collectives.group >= 0)
    np.add.at(jobs, collectives.group[in_group], (executions * collectives.job_count)[in_group])
    return jobs.tolist()


def sharing_tags(jobs: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Pairs of groups, by id, of which jobs may have one number, given how many each has."""
    begins = sorted((Group.of(number, ()).next_job_id % COLLECTIVE_TAGS, number) for number in jobs)
    # Tags come round, so who is first comes once more behind the last.
    line = [*begins, *((begin + COLLECTIVE_TAGS, number) for begin, number in begins)]
    for place, (begin, number) in enumerate(begins):
        end = begin + jobs[number]
        behind = place + 1
        while behind < place + len(begins) and line[behind][0] < end:
            yield number, line[behind][1]
            behind += 1


def message_sizes(collectives: CollectiveColumns, group: int) -> set[int]:
    """Sizes of all messages of a group, by its index; -1 is the world."""
    found: set[int] = set()
    for collective in np.flatnonzero(collectives.group == group).tolist():
        begin, end = collectives.step_start[collective : collective + 2].tolist()
        for step in collectives.step[begin:end].tolist():
            first = step[STEP_FIRST_EXCHANGE]
            exchanges = collectives.exchange[first : first + step[STEP_EXCHANGES], EXCHANGE_BYTES]
            found |= {step[STEP_BYTES], *exchanges.tolist()}
    return found
