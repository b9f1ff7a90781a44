"""What every comparison can use: closed forms of communication, and collectives by themselves."""
