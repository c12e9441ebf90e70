"""What a scan found, selected, sorted and written in the formats of `tvae scan`."""
