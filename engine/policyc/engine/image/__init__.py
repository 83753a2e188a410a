"""A compiled program as octets, and the program again from these, without parsing, checking or generating.

Writing takes the graph of objects that a program is; reading puts it up again. It is `pickle`'s format with
rules of its own, which make it small, quick to load and free of surprises:

1. What stands at the top of a module of policyc (a class, a function, a type, a variable, an overload, a
   sentinel) is not taken along: it is named by its place (places.py) and is the same object again.
2. A function made inside another one (a step of an action, a reader) is the code that the installed package
   has at that place, with the values that it closes over. No code is taken along, only its checksum.
3. Only generated functions bring their code, as `marshal` writes it. It was made by generate/, where the text
   of a policy is never code.
4. Rarely needed parts (the expressions that say why a condition failed, rules that are looked up) are octets
   inside, which are loaded when somebody asks.
5. Nothing else is known: a class or function of any other module is refused, when dumping and when loading.

An image belongs to the very sources, options, version of policyc and of Python that it was made with; telling
these apart is the business of who keeps it (runtime/program_cache.py), and so is to see that nobody else has
written it: like byte code, an image is only as good as who wrote it.

`image.writing.dump` writes one, `image.reading.load` reads it, and needs nothing of what generates code.
"""
