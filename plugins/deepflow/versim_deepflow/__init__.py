"""The deepflow plugin of versim."""
