"""The gateway and the command. May import everything."""
