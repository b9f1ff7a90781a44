"""LogGP times of communication for versim."""
