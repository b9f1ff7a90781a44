"""Constraints on configurations: a small language of names, numbers and comparisons.

``tp * pp * cp * dp == 64 and tp <= 8 and fits``. Python's grammar, read into a tree of which only what is listed here
is let through; nothing is ever handed to Python to evaluate. There are no attributes, no strings beyond comparison, no
functions but ``min``, ``max`` and ``abs``, and no power that could grow without bound.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from versim.errors import VersimError, did_you_mean

LONGEST = 2000
"""Letters of an expression."""

DEEPEST = 60
"""Levels of an expression."""

LARGEST_EXPONENT = 64

Lookup = Callable[[str], Any]
"""What a name stands for; raises KeyError where it stands for nothing."""

_Part = Callable[[Lookup], Any]

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, others: one in others,
    ast.NotIn: lambda one, others: one not in others,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}
_EMPTY = {"none": None, "null": None, "true": True, "false": False, "None": None}


class ExpressionError(VersimError):
    """An expression that is none, or that cannot be evaluated for a configuration.

    Attributes:
        text: As it was typed.
        problem: What is wrong with it.
    """

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def said(self) -> str:
        """What, where and how."""
        return f"{self.text!r}: {self.problem}"


@attrs.frozen(eq=False)
class Expression:
    """A condition or a figure.

    Attributes:
        text: As it was typed.
        names: The names in it, dotted and indexed ones as they are written: ``system.dimensions[1].bandwidth``.
    """

    text: str
    names: frozenset[str]
    _evaluate: _Part = attrs.field(repr=False)

    def value(self, lookup: Lookup) -> Any:
        """What it amounts to.

        Raises:
            ExpressionError: A name stands for nothing, or an operation has no meaning for its operands.
        """
        try:
            return self._evaluate(lookup)
        except KeyError as error:
            raise ExpressionError(self.text, f"nothing is called {error.args[0]!r}") from None
        except ZeroDivisionError:
            raise ExpressionError(self.text, "divides by zero") from None
        except (TypeError, OverflowError) as error:
            raise ExpressionError(self.text, str(error)) from None

    def holds(self, lookup: Lookup) -> bool:
        """Whether it is true; None, which is "not known", is not."""
        return bool(self.value(lookup))


def parse_expression(text: str, known: Iterable[str] | None = None) -> Expression:
    """An expression.

    Args:
        text: As it was typed.
        known: The names that stand for something; None leaves that for when it is evaluated.

    Raises:
        ExpressionError: It is none, says something that this language has no meaning for, or uses a name not known.
    """
    expression = _made(text, _tree(text))
    if known is not None:
        hold_to_names(expression, known)
    return expression


def hold_to_names(expression: Expression, known: Iterable[str]) -> None:
    """Refuse names that stand for nothing.

    Raises:
        ExpressionError: A name that is not among ``known``.
    """
    names = set(known)
    for name in sorted(expression.names - names):
        # Options of every workload by its label make a long list; their names alone say as much.
        shown = names if "." in name else {one for one in names if "." not in one}
        raise ExpressionError(expression.text, f"nothing is called {name!r}{did_you_mean(name, shown)}")


def conjuncts(text: str) -> tuple[Expression, ...]:
    """The conditions that ``and`` joins at the top of an expression, each for itself; so one can say which failed.

    Raises:
        ExpressionError: As :func:`parse_expression`.
    """
    tree = _tree(text)
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    return tuple(_made(ast.unparse(part) if len(parts) > 1 else text.strip(), part) for part in parts)


def _tree(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ExpressionError(text, f"is longer than {LONGEST} letters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise ExpressionError(text, f"is no expression: {problem}; write e.g. 'tp * pp <= 64 and fits'") from None
    if _depth(tree) > DEEPEST:
        raise ExpressionError(text, f"is nested deeper than {DEEPEST} levels")
    return tree


def _depth(tree: ast.AST) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if deepest > DEEPEST:
            break
    return deepest


def _made(text: str, tree: ast.expr) -> Expression:
    names: set[str] = set()
    evaluate = _Reader(text, names).part(tree)
    return Expression(text, frozenset(names), evaluate)


class _Reader:
    """Reads a tree into functions, collecting names on the way."""

    def __init__(self, text: str, names: set[str]) -> None:
        self.text, self.names = text, names

    def part(self, node: ast.expr) -> _Part:
        """What a node amounts to, as a function of what names stand for."""
        if isinstance(node, ast.Constant):
            return self._constant(node.value)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return self._name(node)
        if isinstance(node, ast.BoolOp):
            return self._joined(node)
        if isinstance(node, ast.UnaryOp):
            return self._signed(node)
        if isinstance(node, ast.BinOp):
            return self._computed(node)
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            items = [self.part(item) for item in node.elts]
            return lambda lookup: [item(lookup) for item in items]
        if isinstance(node, ast.IfExp):
            test, then, otherwise = self.part(node.test), self.part(node.body), self.part(node.orelse)
            return lambda lookup: then(lookup) if test(lookup) else otherwise(lookup)
        if isinstance(node, ast.Call):
            return self._called(node)
        raise self._foreign(node)

    def _foreign(self, node: ast.AST) -> ExpressionError:
        return ExpressionError(
            self.text,
            f"{type(node).__name__} has no meaning here; there are numbers, texts, names, + - * / // % **, "
            "comparisons, in, and, or, not, min, max and abs",
        )

    def _constant(self, value: Any) -> _Part:
        if value is not None and not isinstance(value, bool | int | float | str):
            raise ExpressionError(self.text, f"{value!r} is neither a number nor a text")
        return lambda _: value

    def _name(self, node: ast.expr) -> _Part:
        name = self._spelt(node)
        if name in _EMPTY:
            return self._constant(_EMPTY[name])
        self.names.add(name)
        return lambda lookup: lookup(name)

    def _spelt(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self._spelt(node.value)}.{node.attr}"
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
            return f"{self._spelt(node.value)}[{node.slice.value}]"
        raise self._foreign(node)

    def _joined(self, node: ast.BoolOp) -> _Part:
        parts = [self.part(value) for value in node.values]
        if isinstance(node.op, ast.And):
            return lambda lookup: all(part(lookup) for part in parts)
        return lambda lookup: any(part(lookup) for part in parts)

    def _signed(self, node: ast.UnaryOp) -> _Part:
        part = self.part(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda lookup: not part(lookup)
        if isinstance(node.op, ast.USub):
            return lambda lookup: -part(lookup)
        if isinstance(node.op, ast.UAdd):
            return part
        raise self._foreign(node.op)

    def _computed(self, node: ast.BinOp) -> _Part:
        compute = _ARITHMETIC.get(type(node.op))
        if compute is None:
            raise self._foreign(node.op)
        left, right = self.part(node.left), self.part(node.right)

        def evaluate(lookup: Lookup) -> Any:
            one, other = left(lookup), right(lookup)
            for value in (one, other):
                if not isinstance(value, bool | int | float):
                    raise ExpressionError(self.text, f"{value!r} is no number to compute with")
            if compute is operator.pow and not abs(other) <= LARGEST_EXPONENT:
                raise ExpressionError(self.text, f"a power of {other} is more than {LARGEST_EXPONENT}")
            result = compute(one, other)
            if isinstance(result, complex):
                raise ExpressionError(self.text, "a root of a negative number is no number")
            # Whole numbers grow without end where floats would be infinite.
            return float("inf") if isinstance(result, int) and result.bit_length() > 1024 else result

        return evaluate

    def _compared(self, node: ast.Compare) -> _Part:
        parts = [self.part(value) for value in (node.left, *node.comparators)]
        for operation in node.ops:
            if type(operation) not in _COMPARED:
                raise self._foreign(operation)
        tests = [(type(operation), _COMPARED[type(operation)]) for operation in node.ops]
        for (kind, _), value in zip(tests, node.comparators, strict=True):
            if kind in (ast.In, ast.NotIn) and not isinstance(value, ast.List | ast.Tuple | ast.Set):
                raise ExpressionError(self.text, "after 'in' stands a list: recompute in ['none', 'full']")

        def evaluate(lookup: Lookup) -> bool:
            one = parts[0](lookup)
            for (kind, test), part in zip(tests, parts[1:], strict=True):
                other = part(lookup)
                ordered = kind in (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
                # What is not known is neither below nor above anything.
                if ordered and (_unknown(one) or _unknown(other)):
                    return False
                if ordered and isinstance(one, str) != isinstance(other, str):
                    raise ExpressionError(self.text, f"{one!r} and {other!r} have no order")
                if not test(one, other):
                    return False
                one = other
            return True

        return evaluate

    def _called(self, node: ast.Call) -> _Part:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = _FUNCTIONS.get(name)
        if function is None or node.keywords or not node.args:
            raise self._foreign(node)
        parts = [self.part(argument) for argument in node.args]
        if (name == "abs") != (len(parts) == 1):
            raise ExpressionError(self.text, f"{name} takes {'one number' if name == 'abs' else 'several numbers'}")
        return lambda lookup: function(*(part(lookup) for part in parts))


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
