"""Commands of ``versim`` beside ``lint``: they parse and delegate."""
