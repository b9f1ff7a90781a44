"""Communications alone: for the network timing, and for the attribution of waiting to contention."""
