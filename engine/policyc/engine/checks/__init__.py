"""One file per check that is neither CEL's nor a single action's own; `stages.py` has their order."""
