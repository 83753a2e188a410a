"""CEL: from a syntax tree to typed nodes, and to closures."""
