"""Set 7: how the grader draws cases, what people get wrong, what else is right."""

import functools
import math

import numpy as np

from grading.spec import Answer, Exercise, Experiment
from reference_impl import data, scalar
from reference_impl.scalar import Value

GIVEN = ["scalar.add", "scalar.exp", "scalar.log", "scalar.sigmoid"]


def between(rng, low, high):
    """A number of a few digits, of either sign."""
    return float(np.round(rng.uniform(low, high) * rng.choice([-1, 1]), 3))


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch07.by_hand",
    value={"u": -6, "dv": -6, "du": -10, "dx": 24, "dy": -20},
    section="Over paths, add",
    mutants={
        "u is x · y, and one of the two is negative.": ("u", 6),
        "That is v. In the product u · v, what does L change by when v grows by 1?": ("dv", -4),
        "That is the path from u straight to L. u is used twice: it also goes into v.": ("du", -4),
        "That is the path from u through v alone. u also goes straight into L.": ("du", -6),
        "That is what comes by way of u. x also goes straight into v.": ("dx", 30),
        "That is the path from x straight into v. x also goes into u.": ("dx", -6),
        "You used the derivative by u of one path alone. u goes into L twice, and x goes into u.": ("dx", 6),
        "Three paths lead from x to L: through u, through v, through u and v. Are all in it?": ("dx", 12),
        "That is the path through u and v. Two more lead from x to L.": ("dx", 18),
        "You used the derivative by u of one path alone. u goes into L twice, and y hangs on u.": ("dy", -8),
        "That is the path through u and v. u also goes straight into L.": ("dy", -12),
        "That is the derivative by u. What does u change by when y grows by 1?": ("dy", -10),
    },
)


# Operations -----------------------------------------------------------------------------------------------------------


def mul_cases(rng):
    yield "two numbers", between(rng, 0.5, 2), between(rng, 2.1, 4)
    yield "both negative", -abs(between(rng, 0.5, 2)), -abs(between(rng, 2.1, 4))
    yield "the first is 0", 0.0, between(rng, 1.1, 3)
    yield "both are 0", 0.0, 0.0
    yield "a tiny and a huge one", 1e-3, 1e6


def mul_by_complex_step(a, b):
    h = 1e-30
    return a * b, (((a + 1j * h) * b).imag / h, (a * (b + 1j * h)).imag / h)


MUL = Exercise(
    scalar.mul,
    returns="out, slopes",
    section="Along a path, multiply",
    cases=mul_cases,
    mutants={
        "The slopes have changed places. When a grows by 1, how much does a · b grow by: by a, or by b?": {
            "(b, a)": "(a, b)"
        },
        "These are the slopes of a sum. When a grows by 1, a · b grows by more than 1.": {"(b, a)": "(1.0, 1.0)"},
        "This adds the two numbers: it should multiply them.": {"a * b": "a + b"},
        "The product is returned as its own slope. A slope says how much the product changes per unit of one number.": {
            "(b, a)": "(a * b, a * b)"
        },
        "There are two numbers, so there are two slopes: (slope by a, slope by b).": {"(b, a)": "(b,)"},
        "A slope may be negative: where b is below 0, the product falls when a grows.": {"(b, a)": "(abs(b), abs(a))"},
        "This divides the product by a number again, and that number may be 0.": {"(b, a)": "(a * b / a, a * b / b)"},
    },
    variants={
        "a list": {"(b, a)": "[b, a]"},
        "NumPy's numbers": {"a * b, (b, a)": "np.float64(a) * b, (np.float64(b), np.float64(a))"},
        "complex step": mul_by_complex_step,
    },
)


def power_cases(rng):
    """The exponents are whole numbers where they are whole, so that a message shows them as they are."""
    yield "a square", abs(between(rng, 1.2, 3)), 2
    yield "the cube of a negative number", -abs(between(rng, 1.2, 2)), 3
    yield "a square root", abs(between(rng, 0.3, 3)), 0.5
    yield "one over a negative number", -abs(between(rng, 0.4, 3)), -1
    yield "to the power of 1", between(rng, 1.2, 3), 1
    yield "to the power of 0", between(rng, 1.2, 3), 0
    yield "0 to the power of 2", 0.0, 2


def with_the_slope_by_k(a, k):
    out = a**k
    return out, (k * a ** (k - 1) if k else 0.0, out * math.log(abs(a)) if a else 0.0)


def power_by_logarithm(a, k):
    return math.exp(k * math.log(a)), (k * math.exp((k - 1) * math.log(a)),)


def power_by_multiplying(a, k):
    out, before = 1.0, 1.0
    for _ in range(k):
        before, out = out, out * a
    return out, (k * before,)


def power_without_zero_to_the_zero(a, k):
    if a == 0 and k < 1:
        raise ValueError("no slope")
    return a**k, (k * a ** (k - 1),)


def power_by_division(a, k):
    out = math.pow(a, k)
    if a == 0:
        return out, (1.0 if k == 1 else 0.0,)
    return out, (k * out / a,)


POWER_SLOPE = "k * a ** (k - 1) if k else 0.0"
POWER = Exercise(
    scalar.power,
    returns="out, slopes",
    section="Along a path, multiply",
    cases=power_cases,
    mutants={
        "The exponent of the slope is one lower: the slope of a³ is 3a².": {POWER_SLOPE: "k * a**k"},
        "Powers come before minus: k * a**k - 1 takes 1 off at the very end. It is the exponent that is one lower.": {
            POWER_SLOPE: "k * a**k - 1"
        },
        "The factor k is missing: the slope of a³ is 3a², not a².": {POWER_SLOPE: "a ** (k - 1)"},
        "The factor is k itself, not k - 1: the slope of a³ is 3a².": {POWER_SLOPE: "(k - 1) * a ** (k - 1)"},
        "This is the slope of a square, whatever k is.": {POWER_SLOPE: "2 * a"},
        "This divides the power by a again, and a may be 0. The exponent can be lowered by 1 instead.": {
            POWER_SLOPE: "k * a**k / a"
        },
        "A logarithm wants a number above 0, and a may be 0 or negative. Python's ** takes them all.": (
            power_by_logarithm
        ),
        "range counts whole steps, and k may be a half or -1. Python's ** takes them all.": power_by_multiplying,
        "slopes should be a tuple, also when there is one alone. (s) is a number in brackets; (s,) is a tuple.": {
            "(k * a ** (k - 1) if k else 0.0,)": POWER_SLOPE
        },
        "k is a constant, which nothing is learned for: there is one slope, by a.": with_the_slope_by_k,
        "The slope has lost its sign somewhere: one over a falls as a grows.": {POWER_SLOPE: "abs(k * a ** (k - 1))"},
    },
    variants={
        "the power times k over a": power_by_division,
        "the formula as it stands": {" if k else 0.0": ""},
        "0 to the power of 0 refused": power_without_zero_to_the_zero,
        "math.pow": {"return a**k": "return math.pow(a, k)"},
        "a list": {"(k * a ** (k - 1) if k else 0.0,)": "[k * a ** (k - 1) if k else 0.0]"},
    },
)


def tanh_cases(rng):
    yield "a number above 0", abs(between(rng, 0.3, 1.5))
    yield "a number below 0", -abs(between(rng, 0.3, 1.5))
    yield "0", 0.0
    yield "a saturated unit", 4.0
    yield "far to the right", 800.0
    yield "far to the left", -800.0


def tanh_by_two_exponentials(a):
    up, down = math.exp(a), math.exp(-a)
    out = (up - down) / (up + down)
    return out, (1 - out**2,)


def tanh_by_sigmoid(a):
    s, (slope,) = scalar.sigmoid(2 * a)
    return 2 * s - 1, (4 * slope,)


def tanh_of_the_negative(a):
    shrunk = math.exp(-2 * abs(a))
    return math.copysign((1 - shrunk) / (1 + shrunk), a), (4 * shrunk / (1 + shrunk) ** 2,)


TANH = Exercise(
    scalar.tanh,
    returns="out, slopes",
    section="Along a path, multiply",
    cases=tanh_cases,
    mutants={
        "The slope is taken at the input. It is 1 - out², with what comes out of tanh.": {"1 - out**2": "1 - a**2"},
        "The square is missing: the slope is 1 - out².": {"1 - out**2": "1 - out"},
        "This is sigmoid's slope. tanh runs from -1 to 1 and has another.": {"1 - out**2": "out * (1 - out)"},
        "Where out is near 1 the curve is nearly flat: there the slope goes to 0, not to 1.": {"1 - out**2": "out**2"},
        "slopes should be a tuple, also when there is one alone. (s) is a number in brackets; (s,) is a tuple.": {
            "(1 - out**2,)": "1 - out**2"
        },
        "e to the 800 is more than a float can hold. math.tanh knows a way round.": tanh_by_two_exponentials,
    },
    variants={
        "by the sigmoid": tanh_by_sigmoid,
        "by an exponential that never grows": tanh_of_the_negative,
        "as a product": {"1 - out**2": "(1 - out) * (1 + out)"},
        "NumPy": {"math.tanh(a)": "np.tanh(a)"},
    },
)


def relu_cases(rng):
    yield "a number above 0", abs(between(rng, 1.2, 3))
    yield "a number below 0", -abs(between(rng, 1.2, 3))
    yield "the kink, 0", 0.0
    yield "a small number above 0", 0.02
    yield "a large number below 0", -500.0


def relu_by_branches(a):
    if a > 0:
        return a, (1.0,)
    return 0.0, (0.0,)


RELU = Exercise(
    scalar.relu,
    returns="out, slopes",
    section="Along a path, multiply",
    cases=relu_cases,
    mutants={
        "At the kink, a = 0, the docstring wants the slope 0.": {"a > 0": "a >= 0"},
        "Above 0 the slope is 1: out grows as fast as a does. This hands on out itself.": {
            "float(a > 0)": "max(0.0, a)"
        },
        "Below 0 nothing changes when a does: the slope there is 0.": {"float(a > 0)": "1.0"},
        "This lets a little of the negative numbers through: that is a leaky ReLU.": {
            "max(0.0, a), (float(a > 0),)": "max(0.01 * a, a), (1.0 if a > 0 else 0.01,)"
        },
        "This is the absolute value. Negative numbers become 0.": {
            "max(0.0, a), (float(a > 0),)": "abs(a), (float(a > 0) - float(a < 0),)"
        },
        "slopes should be a tuple, also when there is one alone. (s) is a number in brackets; (s,) is a tuple.": {
            "(float(a > 0),)": "float(a > 0)"
        },
        "True and False say the right thing; a slope is a number, 1.0 or 0.0.": {"float(a > 0)": "a > 0"},
    },
    variants={
        "two branches": relu_by_branches,
        "half of a and its size": {"max(0.0, a)": "(a + abs(a)) / 2"},
        "NumPy": {"float(a > 0)": "np.where(a > 0, 1.0, 0.0)"},
    },
)


# An order to go by ----------------------------------------------------------------------------------------------------


def names(rng, n):
    """n one-letter names, in no order."""
    return [str(letter) for letter in rng.permutation(list("abcdefghijkmnpqrstuvwxyz"))[:n]]


def shuffled(rng, things):
    return [things[i] for i in rng.permutation(len(things))]


def as_made(rng, pairs):
    """A dict of (node, parents), its keys in no order: it says nothing of what came first."""
    return dict(shuffled(rng, pairs))


def order_cases(rng):
    """Graphs in which each node was made of the one before it, and perhaps of others: one order alone is right."""
    a, b, c, d, e, f, g, h = names(rng, 8)
    yield "a chain", as_made(rng, [(b, [a]), (c, [b]), (d, [c])]), d
    yield "the first is used again at the end", as_made(rng, [(b, [a]), (c, [b]), (d, [a, c])]), d
    yield "the same, its parents the other way round", as_made(rng, [(b, [a]), (c, [b]), (d, [c, a])]), d
    yield "a number times itself", as_made(rng, [(b, [a, a]), (c, [b, b])]), c
    yield "a number that was given", as_made(rng, [(b, [a]), (c, [b])]), a
    yield "more was made than goes into last", as_made(rng, [(b, [a]), (c, [a, b]), (d, [c, a]), (e, [b])]), c
    skips = [(b, [a]), (c, [a, b]), (d, [c, a]), (e, [b, d, a]), (f, [e, c]), (g, [d, f]), (h, [b, g, a])]
    yield "eight nodes, many ways", as_made(rng, skips), h
    yield "the same, looked at from another node", as_made(rng, skips), f
    rungs = [(f"rung {i + 1}", [f"rung {i}"] * 10) for i in range(10)]
    yield "a ladder of ten rungs, each used ten times by the next", as_made(rng, rungs), "rung 10"


def parents_first_recursively(parents, last):
    order = []

    def visit(node):
        if node not in order:
            for parent in parents.get(node, []):
                visit(parent)
            order.append(node)

    visit(last)
    return order


def belonging(parents, last):
    found, stack = set(), [last]
    while stack:
        node = stack.pop()
        found.add(node)
        stack += [p for p in parents.get(node, []) if p not in found]
    return found


def whoever_is_ready(parents, last):
    waiting, order = belonging(parents, last), []
    while waiting:
        ready = [node for node in waiting if not waiting & set(parents.get(node, []))]
        order += sorted(ready)
        waiting -= set(ready)
    return order


def by_longest_way(parents, last):
    @functools.cache
    def steps(node):
        return max((1 + steps(p) for p in parents.get(node, [])), default=0)

    return sorted(belonging(parents, last), key=lambda node: (steps(node), node))


def children_before_parents(parents, last):
    order, stack = [], [last]
    while stack:
        node = stack.pop()
        if node not in order:
            order.append(node)
            stack += reversed(parents.get(node, []))
    return order[::-1]


def by_distance(parents, last):
    order, queue = [], [last]
    while queue:
        node = queue.pop(0)
        if node not in order:
            order.append(node)
            queue += parents.get(node, [])
    return order[::-1]


def every_time_it_is_met(parents, last):
    met = []

    def visit(node):
        if len(met) > 1000:
            raise TimeoutError
        for parent in parents.get(node, []):
            visit(parent)
        met.append(node)

    visit(last)
    return met


def once_each_but_every_way(parents, last):
    return list(dict.fromkeys(every_time_it_is_met(parents, last)))


def the_first_parent_alone(parents, last):
    order = [last]
    while parents.get(order[-1]):
        order.append(parents[order[-1]][0])
    return order[::-1]


def all_that_was_made(parents, last):
    whole, order = {p for ps in parents.values() for p in ps} | set(parents), []
    for node in sorted(whole):
        order += [n for n in scalar.topological_order(parents, node) if n not in order]
    return order


def given_ones_must_be_keys(parents, last):
    order = []

    def visit(node):
        for parent in parents[node]:
            visit(parent)
        if node not in order:
            order.append(node)

    visit(last)
    return order


ORDER = Exercise(
    scalar.topological_order,
    returns="order",
    section="The order of the way back",
    cases=order_cases,
    seconds=2,
    mutants={
        "A node is put down as soon as it is met. It must wait: all of its parents come before it, also one that is "
        "met later on another way.": children_before_parents,
        "This goes by the distance from last, and the shortest way counts. A node that is close to last on one way may "
        "be needed far earlier on another.": by_distance,
        "Some nodes stand in the list more than once. Every node comes once, however often it was used.": (
            every_time_it_is_met
        ),
        "Each node is in the list once, but this walks every way to it, and up the ladder there are ten thousand "
        "million. A node that was visited before needs no second visit, nor do its parents.": once_each_but_every_way,
        "The list is the wrong way round: it begins with what was given and ends with last.": {
            "return order": "return order[::-1]"
        },
        "This follows one parent of each node. All of them, and theirs, belong in the list.": the_first_parent_alone,
        "There are nodes in the list that last was not made of. Begin at last, and take what you meet.": (
            all_that_was_made
        ),
        "Given numbers were not made of anything, so they are no keys of parents; they belong in the list too.": (
            given_ones_must_be_keys
        ),
        "The numbers that were given are missing. They come first: everything else was made of them.": {
            "return order": "return [node for node in order if node in parents]"
        },
        "last itself is missing: it ends the list.": {"return order": "return order[:-1]"},
    },
    variants={
        "recursion, parents first": parents_first_recursively,
        "whoever is ready goes next": whoever_is_ready,
        "by the longest way from a given number": by_longest_way,
    },
)


def with_slopes(rng, parents):
    """{node: [(parent, slope), …]} for {node: [parent, …]}."""
    return {node: [(p, between(rng, 0.5, 1.9)) for p in ps] for node, ps in parents.items()}


def backward_cases(rng):
    a, b, c, d, e, f, g, h = names(rng, 8)
    yield "a chain", with_slopes(rng, as_made(rng, [(b, [a]), (c, [b]), (d, [c])])), [a, b, c, d]
    yield "made of two", with_slopes(rng, {c: [a, b]}), [a, b, c]
    once_more = as_made(rng, [(b, [a]), (c, [a]), (d, [b, c])])
    yield "one number used by two others", with_slopes(rng, once_more), [a, b, c, d]
    yield "the same graph in another right order", with_slopes(rng, once_more), [a, c, b, d]
    yield "a number times itself", with_slopes(rng, {b: [a, a]}), [a, b]
    yield "nothing but a given number", {}, [a]
    yield (
        "more was made than goes into the last",
        with_slopes(rng, as_made(rng, [(b, [a]), (c, [a, b]), (d, [a, c])])),
        [
            a,
            b,
            c,
        ],
    )
    many = [(c, [a, b]), (d, [b, c]), (e, [a]), (f, [c, e, d]), (g, [f, b]), (h, [g, d, f])]
    yield "eight nodes, many ways", with_slopes(rng, as_made(rng, many)), [a, b, e, c, d, f, g, h]
    blocked = with_slopes(rng, {c: [a], d: [a, b], e: [c, d]})
    blocked[c] = [(a, 0.0)]
    yield "a slope of 0 on one of two ways", blocked, [a, b, c, d, e]


def backward_by_asking(slopes, order):
    grads = {order[-1]: 1.0}
    for node in reversed(order[:-1]):
        grads[node] = sum(
            grads[user] * slope for user in order for parent, slope in slopes.get(user, []) if parent == node
        )
    return grads


def backward_by_forward_mode(slopes, order):
    grads = {}
    for first in order:
        ways = dict.fromkeys(order, 0.0) | {first: 1.0}
        for node in order:
            ways[node] += sum(slope * ways[parent] for parent, slope in slopes.get(node, []))
        grads[first] = ways[order[-1]]
    return grads


def hands_on_at_once(slopes, order):
    grads = dict.fromkeys(order, 0.0)

    def receive(node, arriving):
        grads[node] += arriving
        for parent, slope in slopes.get(node, []):
            receive(parent, grads[node] * slope)

    receive(order[-1], 1.0)
    return grads


HAND_ON = "grads[parent] += grads[node] * slope"
BACKWARD = Exercise(
    scalar.backward,
    returns="grads",
    section="The order of the way back",
    cases=backward_cases,
    mutants={
        "A later way overwrites an earlier one. Where a node was used more than once, its ways add up.": {
            HAND_ON: "grads[parent] = grads[node] * slope"
        },
        "This starts with the given numbers. Derivatives come from the end: a node hands on what it got from those it "
        "went into.": {"reversed(order)": "order"},
        "A node that was given is no key of slopes: it was not made of anything, and has nothing to hand on.": {
            "slopes.get(node, [])": "slopes[node]"
        },
        "Before anything can be added to a node's derivative it must be there: every node begins with 0.": {
            "dict.fromkeys(order, 0.0)": "{}"
        },
        "Everything is 0, as nothing sets off: what is the derivative of the last node by itself?": {
            "grads[order[-1]] = 1.0": "grads[order[-1]] = 0.0"
        },
        "A parent gets the slope alone. The slope is multiplied by what arrived at the node.": {
            HAND_ON: "grads[parent] += slope"
        },
        "Along a way slopes are multiplied; here they are added.": {HAND_ON: "grads[parent] += grads[node] + slope"},
        "Every node starts with a derivative of 1. Only the last one does; the others wait for what arrives.": {
            "dict.fromkeys(order, 0.0)": "dict.fromkeys(order, 1.0)"
        },
        "The given numbers alone are returned. The docstring wants the derivative by every node.": {
            "return grads": "return {node: grad for node, grad in grads.items() if node not in slopes}"
        },
        "A dict keeps one slope per parent, so a number times itself loses one of its two ways.": {
            "in slopes.get(node, [])": "in dict(slopes.get(node, [])).items()"
        },
        "A node hands on at each arrival, and everything that has arrived so far: early arrivals are counted again. "
        "Wait until all have come.": hands_on_at_once,
        "slopes may speak of nodes that the last one was not made of. Walk along order: others have no say.": {
            "reversed(order)": "[*(k for k in slopes if k not in grads), *reversed(order)]"
        },
    },
    variants={
        "each node asks those it went into": backward_by_asking,
        "forward mode, once for every node": backward_by_forward_mode,
        "a dict that grows": {
            "grads = dict.fromkeys(order, 0.0)": "grads = {}",
            HAND_ON: "grads[parent] = grads.get(parent, 0.0) + grads[node] * slope",
        },
    },
)


# A repair: right, and far too slow ------------------------------------------------------------------------------------


def derivative(slopes, last, first):
    """The derivative of last by first: along every way from first to last the product of slopes, all ways added up.

    slopes : {node: a list of (parent, slope)}; a node that is missing was given
    last, first : nodes
    Returns a number: 1.0 where last is first, 0.0 where last was made without first.
    """
    known = {first: 1.0}

    def by_first(node):
        if node not in known:
            known[node] = sum(slope * by_first(parent) for parent, slope in slopes.get(node, []))
        return known[node]

    return float(by_first(last))


WAY_BY_WAY = {
    "    known = {first: 1.0}\n\n": "",
    "if node not in known:\n": "if node == first:\n            return 1.0\n",
    "            known[node] = sum(": "        return sum(",
    "slopes.get(node, []))\n        return known[node]": "slopes.get(node, []))",
}


def derivative_cases(rng):
    a, b, c, d, e, f = "abcdef"  # the same in every graph: what is remembered must not outlive the call
    yield "a chain", with_slopes(rng, {b: [a], c: [b], d: [c]}), d, a
    yield "two ways", with_slopes(rng, {b: [a], c: [a], d: [b, c]}), d, a
    yield "a number times itself", with_slopes(rng, {b: [a, a]}), b, a
    yield "last is first", with_slopes(rng, {b: [a]}), b, b
    yield "last was made without first", with_slopes(rng, {c: [a], d: [b]}), d, a
    yield "first was made of others itself", with_slopes(rng, {c: [a, b], d: [c, a], e: [d, c]}), e, c
    many = {c: [a, b], d: [b, c], e: [a, d, c], f: [e, c, d]}
    yield "six nodes, many ways", with_slopes(rng, many), f, a
    ladder = {f"s{i + 1}": [(f"s{i}", float(s)) for s in rng.uniform(0.05, 0.15, 10).round(3)] for i in range(10)}
    yield "a ladder of ten rungs, each used ten times by the next", ladder, "s10", "s0"


def derivative_by_reverse(slopes, last, first):
    order = scalar.topological_order({node: [p for p, _ in pairs] for node, pairs in slopes.items()}, last)
    return scalar.backward(slopes, order).get(first, 0.0)


def derivative_by_reverse_where_there_is_one(slopes, last, first):
    order = scalar.topological_order({node: [p for p, _ in pairs] for node, pairs in slopes.items()}, last)
    return scalar.backward(slopes, order)[first]


def derivative_by_cache(slopes, last, first):
    @functools.cache
    def by_first(node):
        if node == first:
            return 1.0
        return sum((slope * by_first(parent) for parent, slope in slopes.get(node, [])), 0.0)

    return by_first(last)


def derivative_by_sweeps(slopes, last, first):
    nodes = {*slopes, *(p for pairs in slopes.values() for p, _ in pairs), first, last}
    ways, total = {first: 1.0}, dict.fromkeys(nodes, 0.0)
    while ways:
        arrived = {}
        for node, pairs in slopes.items():
            for parent, slope in pairs:
                if parent in ways:
                    arrived[node] = arrived.get(node, 0.0) + slope * ways[parent]
        for node, amount in ways.items():
            total[node] += amount
        ways = arrived
    return total[last]


def met_before_counts_nothing(slopes, last, first):
    met = set()

    def by_first(node):
        if node == first:
            return 1.0
        if node in met:
            return 0.0
        met.add(node)
        return sum((slope * by_first(parent) for parent, slope in slopes.get(node, [])), 0.0)

    return by_first(last)


SUM = "sum(slope * by_first(parent) for parent, slope in slopes.get(node, []))"
DERIVATIVE = Exercise(
    derivative,
    module="ch07",
    returns="slope",
    section="The order of the way back",
    cases=derivative_cases,
    broken=WAY_BY_WAY,
    seconds=2,
    mutants={
        "A node that was met before counts as 0 the second time. Remember what it is worth as well.": (
            met_before_counts_nothing
        ),
        "Where last was made without first, first has no derivative in the dict. Then the slope is 0.": (
            derivative_by_reverse_where_there_is_one
        ),
        "This keeps one slope per parent, so a number times itself loses one of its two ways.": {
            "in slopes.get(node, [])": "in dict(slopes.get(node, [])).items()"
        },
        "This takes the largest of a node's ways. All of them count: they add up.": {
            SUM: "max((slope * by_first(parent) for parent, slope in slopes.get(node, [])), default=0.0)"
        },
        "This follows one way alone. The others count too: they add up.": {
            "slopes.get(node, []))": "slopes.get(node, [])[:1])"
        },
        "A number's derivative by itself is 1: it is where the ways begin.": {
            "return float(by_first(last))": "return 0.0 if last == first else float(by_first(last))"
        },
        "Along a way slopes are multiplied; here they are added.": {"slope * by_first": "slope + by_first"},
    },
    variants={
        "functools.cache": derivative_by_cache,
        "reverse mode": derivative_by_reverse,
        "wave by wave": derivative_by_sweeps,
    },
)


# An experiment: a network of plain numbers ----------------------------------------------------------------------------

SPLIT = 7  # the seed that sets the images apart that only the grader has


def leanings():
    """The zeros, sixes and nines among the digits: more ink above than below, and left than right; is it a 0."""
    x, digit = data.load_digits()
    rows = np.isin(digit, (0, 6, 9))
    images = x[rows].reshape(-1, 8, 8)
    upper = images[:, :4].sum(axis=(1, 2)) - images[:, 4:].sum(axis=(1, 2))
    left = images[:, :, :4].sum(axis=(1, 2)) - images[:, :, 4:].sum(axis=(1, 2))
    return np.stack([upper, left], axis=1), (digit[rows] == 0).astype(np.int64)


def known_and_hidden():
    """(x, y) twice: the part that students have, and the hidden rest."""
    x, y = leanings()
    known, _, hidden = data.train_val_test_split(y, np.random.default_rng(SPLIT), val=0, test=0.4)
    return (x[known], y[known]), (x[hidden], y[hidden])


def experiment_data(graded):
    """Graded: learn from all that students have, and be tested on the hidden rest. At home: on the known ones alone."""
    known, hidden = known_and_hidden()
    cut = data.train_val_test_split(known[1], np.random.default_rng(SPLIT), 0.15, 0 if graded else 0.35)
    train, val, test = ((known[0][rows], known[1][rows]) for rows in cut)
    return {"train": train, "val": val, "test": hidden if graded else test}


def write_leanings(file):
    """What students have: x : (323, 2), in pixels' worth of ink, and y : (323,), 1 for a zero."""
    x, y = known_and_hidden()[0]
    np.savez_compressed(file, x=x, y=y)


DATA = {"leanings.npz": write_leanings}


def logit(params, row, squash):
    """A 2-H-1 network on one row: params holds four numbers for each hidden unit, and one more."""
    *units, bias = params
    for u, v, b, w in zip(*(units[k::4] for k in range(4)), strict=True):
        bias = w * squash(u * row[0] + v * row[1] + b) + bias
    return bias


def trained(x, y, rng, units=3, epochs=12, lr=0.1, squash=Value.tanh):
    """A network taught by the engine, an example at a time. Returns predict."""
    params = [Value(w) for w in rng.normal(0, 1, 4 * units + 1)]
    low, high = np.unique(y)
    rows, signs = (x / 10).tolist(), np.where(y == high, -1.0, 1.0).tolist()
    for _ in range(epochs):
        for i in rng.permutation(len(rows)):
            loss = ((logit(params, rows[i], squash) * signs[i]).exp() + 1).log()
            loss.backward()
            for p in params:
                p.data -= lr * p.grad

    def predict(x):
        return np.array([high if logit(params, row, squash).data > 0 else low for row in (x / 10).tolist()])

    return predict


def by_tanh(x_train, y_train, x_val, y_val, rng):
    return best((trained(x_train, y_train, rng) for _ in range(4)), x_val, y_val)


def by_relu(x_train, y_train, x_val, y_val, rng):
    several = (trained(x_train, y_train, rng, units=8, epochs=8, lr=0.05, squash=Value.relu) for _ in range(2))
    return best(several, x_val, y_val)


def best(predicts, x_val, y_val):
    return max(predicts, key=lambda predict: np.mean(predict(x_val) == y_val))


def in_arrays(x_train, y_train, x_val, y_val, rng):
    """The same network with gradients by hand, in NumPy."""
    low, high = np.unique(y_train)
    x, (W, b, w, c) = x_train / 10, (rng.normal(0, 1, (2, 6)), np.zeros(6), rng.normal(0, 1, 6), 0.0)
    for _ in range(3000):
        h = np.tanh(x @ W + b)
        dz = (1 / (1 + np.exp(-(h @ w + c))) - (y_train == high)) / len(x)
        dh = np.outer(dz, w) * (1 - h**2)
        w, c, W, b = w - 0.5 * h.T @ dz, c - 0.5 * dz.sum(), W - 0.5 * x.T @ dh, b - 0.5 * dh.sum(axis=0)
    return lambda x: np.where(np.tanh(x / 10 @ W + b) @ w + c > 0, high, low)


def one_line(x_train, y_train, x_val, y_val, rng):
    return trained(x_train, y_train, rng, units=1, epochs=2, squash=lambda value: value)


def with_labels_of_its_own(x_train, y_train, x_val, y_val, rng):
    x, y = leanings()
    return lambda new: y[((new[:, None] - x) ** 2).sum(axis=-1).argmin(axis=1)]


def lookup_table(x_train, y_train, x_val, y_val, rng):
    table = {row.tobytes(): label for row, label in zip(x_train, y_train, strict=True)}
    return lambda x: np.array([table.get(row.tobytes(), y_train[0]) for row in x])


EXPERIMENT = Experiment(
    "ch07.zeros",
    section="A network that learns, number by number",
    data=experiment_data,
    classes=10,
    bars=((0.93, 1.0), (0.85, 0.5)),
    mutants={
        "peeked": (
            "The answers agree better with labels from elsewhere than with those handed to fit. What the two classes "
            "are called is drawn anew before every check: only y_train and y_val say it.",
            with_labels_of_its_own,
        ),
        "memorised": (
            "It knows the images it was taught with by heart, and new ones less well. A network with fewer hidden "
            "units, or fewer steps, cannot learn by heart.",
            lookup_table,
        ),
        "untrained": (
            "It is not yet sure of the images it was taught with. If predict says one class for every image: are your "
            "targets 0 and 1 (the class numbers are others), and do the parameters start at random? Does the loss "
            "fall? If it stays, look at the learning rate, the number of steps, and whether every parameter gets one. "
            "And no single line can do it. If it learns from one rng and not from another, the start got stuck: try "
            "several starts, and x_val and y_val tell which is good.",
            one_line,
        ),
    },
    variants={"three tanh units": by_tanh, "eight ReLU units": by_relu, "arrays, by hand": in_arrays},
)

EXERCISES = [BY_HAND, MUL, TANH, RELU, POWER, ORDER, BACKWARD, DERIVATIVE, EXPERIMENT]
