"""Claims as a user would state them in a module of his own."""

from versim_astrasim.claims import claims

CLAIMS = claims()
