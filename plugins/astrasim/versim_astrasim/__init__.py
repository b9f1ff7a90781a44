"""The astrasim plugin of versim."""
