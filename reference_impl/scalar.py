"""A scalar autograd engine: numbers that remember where they came from.

An operation is a function of plain numbers: it returns its result, and its slope by each of them. A Value keeps the
slopes; backward multiplies them along every way from the last number to the first, and adds up the ways.
"""

import math


def add(a, b):
    """a + b. Returns the sum and (slope by a, slope by b), all numbers."""
    return a + b, (1.0, 1.0)


def mul(a, b):
    """a · b. Returns the product and (slope by a, slope by b), all numbers."""
    return a * b, (b, a)


def power(a, k):
    """aᵏ, where k is a constant. Returns the power and (slope by a,), all numbers.

    Raises ValueError where it is no real number, or has no slope: a below 0 with a broken k, a = 0 with k below 1.
    """
    if (a < 0 and k % 1) or (a == 0 and k < 1 and k != 0):
        raise ValueError(f"{a:g} to the power of {k:g} has no derivative")
    return a**k, (k * a ** (k - 1) if k else 0.0,)


def exp(a):
    """eᵃ. Returns it and (slope by a,), all numbers."""
    out = math.exp(a)
    return out, (out,)


def log(a):
    """The natural logarithm of a. Returns it and (slope by a,). Raises ValueError where a is not above 0."""
    if a <= 0:
        raise ValueError(f"log needs a number above 0, not {a:g}")
    return math.log(a), (1 / a,)


def tanh(a):
    """tanh a. Returns it and (slope by a,), all numbers."""
    out = math.tanh(a)
    return out, (1 - out**2,)


def relu(a):
    """max(0, a). Returns it and (slope by a,), all numbers; at the kink the slope is 0."""
    return max(0.0, a), (float(a > 0),)


def sigmoid(a):
    """1/(1 + e^-a), for any a. Returns it and (slope by a,), all numbers."""
    out = 0.5 * (1 + math.tanh(0.5 * a))
    return out, (out * (1 - out),)


def topological_order(parents, last):
    """Everything that last was made of, and last: each once, and none before all of its parents.

    parents : {node: a list of the nodes it was made of}; a node that is missing was given
    last : a node
    Returns a list of nodes, from given ones to last.
    """
    order, seen, stack = [], set(), [(last, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(parent, False) for parent in reversed(parents.get(node, []))]
    return order


def backward(slopes, order):
    """The derivative of the last node by every node: each hands its own, times the slope, to its parents, which add up.

    slopes : {node: a list of (parent, slope)}; a node that is missing was given
    order : a list of nodes, as from topological_order
    Returns {node: derivative}, 1.0 for the last node.
    """
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for node in reversed(order):
        for parent, slope in slopes.get(node, []):
            grads[parent] += grads[node] * slope
    return grads


class Value:
    """A number, and how it was made of others: enough to find its derivative by each of them.

    data : the number
    grad : after backward(), the derivative of the last result by this one
    op : what made it, "" for a number that was given
    parents : the Values it was made of, with its slope by each: ((Value, number), …)
    """

    def __init__(self, data, op="", parents=()):
        self.data = float(data)
        self.grad = 0.0
        self.op = op
        self.parents = parents

    def __repr__(self):
        return f"Value({self.data:.4g}, grad={self.grad:.4g})"

    def __add__(self, other):
        return combined("+", add, self, other)

    def __mul__(self, other):
        return combined("*", mul, self, other)

    def __pow__(self, k):
        if isinstance(k, Value):
            raise TypeError("an exponent must be a plain number, not a Value")
        return combined(f"**{k:g}", lambda a: power(a, k), self)

    def exp(self):
        """eᵃ."""
        return combined("exp", exp, self)

    def log(self):
        """log a."""
        return combined("log", log, self)

    def tanh(self):
        """tanh a."""
        return combined("tanh", tanh, self)

    def relu(self):
        """max(0, a)."""
        return combined("relu", relu, self)

    def sigmoid(self):
        """1/(1 + e^-a)."""
        return combined("sigmoid", sigmoid, self)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -as_value(other)

    def __truediv__(self, other):
        return self * as_value(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return as_value(other) - self

    def __rtruediv__(self, other):
        return as_value(other) / self

    def backward(self):
        """Set grad of all it was made of, and its own: its derivative by each."""
        slopes = history(self)
        order = topological_order(parents_of(slopes), self)
        for value, grad in backward(slopes, order).items():
            value.grad = grad


def as_value(x):
    """x itself if it is a Value, else the number x as one."""
    return x if isinstance(x, Value) else Value(x)


def combined(op, operation, *inputs):
    """What an operation, numbers -> number, slopes, makes of Values or numbers."""
    values = [as_value(x) for x in inputs]
    out, slopes = operation(*(value.data for value in values))
    return Value(out, op, tuple(zip(values, slopes, strict=True)))


def history(last):
    """What a Value was made of, and itself: {Value: its parents, with slopes}."""
    slopes, stack = {}, [last]
    while stack:
        value = stack.pop()
        if value not in slopes:
            slopes[value] = value.parents
            stack += [parent for parent, _ in value.parents]
    return slopes


def parents_of(slopes):
    """{Value: a list of its parents}, without the slopes."""
    return {value: [parent for parent, _ in parents] for value, parents in slopes.items()}


def graph(last):
    """The graph of a Value, to draw: nodes, in topological order, and edges.

    Returns nodes : a list of Values, and edges : a list of (i, j, slope), node i being a parent of node j and slope the
    derivative of j by i.
    """
    slopes = history(last)
    nodes = topological_order(parents_of(slopes), last)
    number = {value: i for i, value in enumerate(nodes)}
    edges = [(number[parent], j, slope) for j, value in enumerate(nodes) for parent, slope in slopes[value]]
    return nodes, edges


def to_dot(last):
    """The graph of a Value in Graphviz's DOT language, which many tools draw: a box for each number and its grad."""
    nodes, edges = graph(last)
    boxes = [f'  {i} [label="{v.op or "given"}\\n{v.data:.4g}\\ngrad {v.grad:.4g}"];' for i, v in enumerate(nodes)]
    arrows = [f'  {i} -> {j} [label="{slope:.4g}"];' for i, j, slope in edges]
    return "\n".join(["digraph {", "  rankdir=LR; node [shape=box];", *boxes, *arrows, "}"])
