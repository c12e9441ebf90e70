"""The `tvae` command: `app` assembles it, each command has a file of its own."""
