"""Everything that knows a name of the predecessor; nothing outside does, and the room could go as a whole."""
