"""Collective algorithms: what one rank sends and receives in one phase of one job."""
