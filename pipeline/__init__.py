"""What the steps share: how a run is written, found again, planned, swept and registered."""
