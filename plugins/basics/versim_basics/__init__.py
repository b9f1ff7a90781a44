"""The basics plugin of versim."""
