"""The reporters plugin of versim."""
