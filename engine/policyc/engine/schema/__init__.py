"""The fields of an action's config: what may stand in each, and what is made of it at compile time.

An action declares a `Schema` of `field`s; reading an action of a document against it reports every mistake
and gives a `Config`, whose readings are constants where that can be known and evaluators where a template or
an expression needs the exchange. The schema also yields the docs table and the JSON schema.
"""

from __future__ import annotations

from policyc.engine.schema.containers import HeaderMap, ListOf, MapOf, ObjectOf, OneOrList
from policyc.engine.schema.declare import MISSING, Field, Schema, field
from policyc.engine.schema.fault import FieldFault, guarded
from policyc.engine.schema.json_value import Json
from policyc.engine.schema.kinds import (
    Boolean,
    Cel,
    Choice,
    Cidr,
    Double,
    Duration,
    Enum,
    HeaderName,
    Integer,
    Kind,
    Pem,
    Regex,
    Text,
    Url,
)
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Config, Constant, Dynamic, Entries, Items, Reading
from policyc.engine.schema.source import Expression

__all__ = [
    "MISSING",
    "Boolean",
    "Cel",
    "Choice",
    "Cidr",
    "Config",
    "Constant",
    "Double",
    "Duration",
    "Dynamic",
    "Entries",
    "Enum",
    "Expression",
    "Field",
    "FieldFault",
    "HeaderMap",
    "HeaderName",
    "Integer",
    "Items",
    "Json",
    "Kind",
    "ListOf",
    "MapOf",
    "ObjectOf",
    "OneOrList",
    "Pem",
    "Place",
    "Reading",
    "Regex",
    "Schema",
    "Text",
    "Url",
    "field",
    "guarded",
]
