"""Hypothesis strategies: variant metadata documents, what machines support, and wheel filenames."""

from __future__ import annotations

from hypothesis import strategies as st

Document = dict[str, object]
PEP_825 = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
PEP_850 = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
OLDER = "https://variants-schema.wheelnext.dev/v0.0.3.json"

# Few names of few letters, so that variants and machines meet often.
NAMESPACES = ["a", "b", "c_1", "nvidia"]
FEATURES = ["f", "g", "h_2", "level"]
VALUES = ["1", "2", "2.0", "v3", "on"]
namespaces = st.sampled_from(NAMESPACES)
features = st.sampled_from(FEATURES)
values = st.sampled_from(VALUES)
labels = st.text("ab0._", min_size=1, max_size=4).filter(lambda label: label != "00000000")

value_lists = st.lists(values, min_size=1, unique=True)
feature_tables = st.dictionaries(features, value_lists, min_size=1, max_size=3)
properties = st.dictionaries(namespaces, feature_tables, min_size=1, max_size=3)


@st.composite
def machines(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    """What a machine supports: mostly everything, in any order, so that many variants are compatible."""
    supported = {}
    for namespace in draw(st.permutations([*NAMESPACES, "abi_dependency"])):
        supported[namespace] = {
            feature: list(draw(st.permutations(VALUES)))[draw(st.sampled_from([0, 0, 0, 1, 4, 5])) :]
            for feature in draw(st.permutations(FEATURES))
            if draw(st.integers(0, 9))
        }
        if not draw(st.integers(0, 9)):
            del supported[namespace]
    return supported


@st.composite
def variant_tables(draw: st.DrawFn) -> dict[str, dict[str, dict[str, list[str]]]]:
    """A ``variants`` table, with the null variant now and then."""
    variants = draw(st.dictionaries(labels, properties, max_size=8))
    if draw(st.booleans()):
        variants["null"] = {}
    return variants


@st.composite
def providers(draw: st.DrawFn) -> Document:
    """A provider table of PEP 850."""
    table: Document
    kind = draw(st.sampled_from(["requires", "static", "builtin"]))
    if kind == "requires":
        requires = draw(
            st.lists(st.sampled_from(["p-one", "P.two>=1,<2", "p3; os_name == 'nt'"]), min_size=1)
        )
        table = {"requires": list(dict.fromkeys(requires))}
        if draw(st.booleans()):
            table["plugin-api"] = draw(st.sampled_from(["p_one", "p.plugin:Class", "p.q : c.D"]))
    elif kind == "static":
        static = draw(feature_tables)
        table = {"static-properties": static}
        if len(static) > 1 or draw(st.booleans()):
            table["feature-order"] = draw(st.permutations(list(static)))
    else:
        table = {"builtin": "something"}
    if draw(st.booleans()):
        table["optional"] = draw(st.booleans())
    return table


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A valid document of v0.1.1 or v0.2.0."""
    variants = draw(variant_tables())
    used = {namespace for table in variants.values() for namespace in table}
    listed = draw(st.permutations(sorted(used | draw(st.sets(namespaces, min_size=1)))))
    if draw(st.booleans()):
        variants["zz.abi"] = {"abi_dependency": {"torch": draw(value_lists)}}
    document: Document = {
        "$schema": PEP_825,
        "default-priorities": {"namespace": list(listed)},
        "variants": variants,
    }
    if draw(st.booleans()):
        document["$schema"] = PEP_850
        document["providers"] = {namespace: draw(providers()) for namespace in listed}
    return document


def anything() -> st.SearchStrategy[object]:
    """Any JSON value, and any value a careless caller could put in its place."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["null", "00000000", "abi_dependency", PEP_825, PEP_850, OLDER, "a", "1"])
        | st.binary(max_size=2)
    )
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=4) | st.sampled_from(["a", "namespace"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
