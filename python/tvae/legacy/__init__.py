"""Everything that knows a name of the predecessor: configs, environment, places, model names.

Nothing outside this folder does, so the folder can be deleted as a whole once nobody needs it. It
imports only what lies below it, and nothing at all before it is asked.
"""
