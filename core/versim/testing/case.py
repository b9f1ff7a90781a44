"""The pytest class: a test per check of the conformance kit.

A plugin's tests need no more than::

    from versim.testing import BackendConformance


    class TestMine(BackendConformance):
        backend = "mine"

A check that is not claimed is skipped with the reason, one that is declared to differ is an expected failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from versim.components import SimulatorBackend
from versim.errors import VersimError
from versim.registry import Registry, load_registry
from versim.testing.check import ConformanceCheck, Verdict
from versim.testing.claims import Claims, claims_of
from versim.testing.subject import Subject
from versim.testing.suite import all_checks, run_check


class BackendConformance:
    """Tests of a backend; inherit it under a name that begins with ``Test``.

    Attributes:
        backend: The backend, or the name of an installed one.
        claims: What it claims, if its own attribute ``claims`` shall not be asked.
        registry: Where timing models are found; the installed plugins unless given.
    """

    backend: ClassVar[str | SimulatorBackend]
    claims: ClassVar[Claims | Sequence[Claims] | None] = None
    registry: ClassVar[Registry | None] = None

    @classmethod
    def subjects(cls) -> list[Subject]:
        """The backend under each of its claims."""
        registry = load_registry() if cls.registry is None else cls.registry
        backend = registry.backend(cls.backend) if isinstance(cls.backend, str) else cls.backend
        stated = cls.claims
        claims = claims_of(backend) if stated is None else (stated,) if isinstance(stated, Claims) else tuple(stated)
        return [Subject(backend=backend, claims=each, registry=registry) for each in claims]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test per check and set of claims."""
        generate(type(self), metafunc)

    def test_conformance(self, subject: Subject, check: ConformanceCheck) -> None:
        """The check holds."""
        outcome = run_check(check, subject)
        if outcome.verdict is Verdict.UNCLAIMED:
            pytest.skip(outcome.reason)
        told = f"{check.name}: it shows that {check.shows}\nexpected: {outcome.expected}\n   found: {outcome.found}"
        if outcome.verdict is Verdict.DECLARED:
            pytest.xfail(f"{told}\ndeclared: {outcome.reason}")
        if outcome.verdict is Verdict.FAILED:
            pytest.fail(told, pytrace=False)


def generate(cls: type[BackendConformance], metafunc: Any) -> None:
    """Parametrize a test over checks and claims."""
    if "check" not in metafunc.fixturenames:
        return
    try:
        subjects = cls.subjects()
    except VersimError as error:
        raise pytest.UsageError(f"{cls.__name__}: {error}") from error
    cases = [
        pytest.param(subject, check, id=f"{subject.claims.label + ': ' if subject.claims.label else ''}{check.name}")
        for subject in subjects
        for check in all_checks()
    ]
    metafunc.parametrize(("subject", "check"), cases)
