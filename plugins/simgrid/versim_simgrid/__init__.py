"""SimGrid as a simulator for versim: flows that share links max-min fairly."""
