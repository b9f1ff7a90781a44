"""Why two predictions of the same pinned graph differ: a waterfall of terms that sum exactly."""

from versim.comparison.attribution.attribute import Isolated, attribute
from versim.comparison.attribution.model import Attribution, Averaging, Pattern, Policy, Term, TermKind

__all__ = ["Attribution", "Averaging", "Isolated", "Pattern", "Policy", "Term", "TermKind", "attribute"]
