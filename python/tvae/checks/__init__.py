"""What can be said about a checkpoint before anybody relies on it: valid, comparable, as good as it says."""
