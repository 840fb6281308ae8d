"""What both ends of the wire know by name: the instructor's modules, and what the locked cells define."""

import dataclasses
import importlib
import sys
import types


class Shared:
    """Names that mean the same at both ends, so that a config or an activation pair travels by value.

    modules : the instructor's modules, such as "given"
    main : {name: object}, what locked cells have defined
    """

    def __init__(self, modules):
        self.modules, self.main = set(modules), {}

    def learn(self, namespace, before):
        """Take up the functions and classes a locked cell has bound in namespace, which had `before`'s entries."""
        for name, value in list(namespace.items()):
            if isinstance(value, types.FunctionType | type) and before.get(name) is not value:
                self.main[name] = value

    def name(self, value):
        """["global", module, name] of a shared function or class, else None."""
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if isinstance(module, str) and isinstance(name, str) and self.get(module, name) is value:
            return ["global", module, name]
        return None

    def get(self, module, name):
        """The object of that name, None where it is not shared."""
        if module == "__main__":
            return self.main.get(name)
        if module not in self.modules:
            return None
        if module not in sys.modules:
            importlib.import_module(module)
        found = vars(sys.modules[module]).get(name)
        return found if isinstance(found, types.FunctionType | type) else None

    def parts(self, value):
        """(reference, {field: value}) of an instance of a shared class, else None."""
        reference = self.name(type(value)) if isinstance(type(value), type) else None
        if reference is None or isinstance(value, BaseException):
            return None
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return reference, dict(zip(value._fields, tuple.__iter__(value), strict=True))
        if dataclasses.is_dataclass(value):
            return reference, {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        plain = not isinstance(value, int | float | str | bytes | list | dict | set | tuple)
        return (reference, dict(vars(value))) if plain and hasattr(value, "__dict__") else None

    def kind(self, module, name):
        """The shared class of that name. Raises KeyError."""
        kind = self.get(module, name)
        if not isinstance(kind, type):
            raise KeyError(name)
        return kind


def fill(kind, blank, fields):
    """An instance of a shared class of its fields; blank is the empty one others may point to already."""
    if any(not key.isidentifier() or key.startswith("__") for key in fields):
        raise ValueError("no name of a field")
    if issubclass(kind, tuple):
        return kind(**fields)
    if dataclasses.is_dataclass(kind):
        for key, value in fields.items():
            object.__setattr__(blank, key, value)
    else:
        blank.__dict__.update(fields)
    return blank


class Objects:
    """Sends and takes instances of shared classes within one message; what occurs twice stays one object."""

    def __init__(self, shared, codec):
        self.shared, self.codec, self.sent, self.taken = shared, codec, {}, {}

    def send(self, value, depth):
        """value as a message, or None where its class is not shared."""
        if id(value) in self.sent:
            return ["same", self.sent[id(value)][0]]
        found = self.shared.parts(value)
        if found is None:
            return None
        number = len(self.sent)
        self.sent[id(value)] = number, value
        (_, module, name), fields = found
        body = [item for key, v in fields.items() for item in (str(key), self.codec.encode(v, depth + 1))]
        return ["object", number, module, name, *body]

    def take(self, tag, parts, decode):
        """send, undone."""
        if tag == "same":
            return self.taken[parts[0]]
        number, module, name, *body = parts
        kind = self.shared.kind(module, name)
        blank = None if issubclass(kind, tuple) else object.__new__(kind)
        self.taken[number] = blank
        fields = {key: decode(v) for key, v in zip(body[::2], body[1::2], strict=True)}
        self.taken[number] = fill(kind, blank, fields)
        return self.taken[number]
