"""Confluent's own serialiser and deserialiser, for the wire format test.

Reads {"url", "topic", "schema", "decode": [base64], "encode": [record]} from standard input and writes
{"decoded": [record], "encoded": [base64]}. Decimals, UUIDs and timestamps are text in JSON.
"""

import base64
import json
import sys
from datetime import datetime
from decimal import Decimal

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def to_json(value):
    return value.isoformat() if isinstance(value, datetime) else str(value)


def from_json(schema, value):
    """Gives text the type that the serialiser takes for its logical type."""
    if isinstance(schema, list):
        branch = next(each for each in schema if (each == "null") == (value is None))
        return from_json(branch, value)
    if not isinstance(schema, dict) or value is None:
        return value
    logical = schema.get("logicalType")
    if logical == "decimal":
        return Decimal(value)
    if logical == "timestamp-millis":
        return datetime.fromisoformat(value)
    if schema["type"] == "array":
        return [from_json(schema["items"], each) for each in value]
    if schema["type"] == "record":
        return {field["name"]: from_json(field["type"], value[field["name"]]) for field in schema["fields"]}
    return value


asked = json.load(sys.stdin)
client = SchemaRegistryClient({"url": asked["url"]})
context = SerializationContext(asked["topic"], MessageField.VALUE)
deserialize = AvroDeserializer(client)
serialize = AvroSerializer(client, asked["schema"], conf={"auto.register.schemas": False})
schema = json.loads(asked["schema"])
json.dump(
    {
        "decoded": [deserialize(base64.b64decode(each), context) for each in asked["decode"]],
        "encoded": [
            base64.b64encode(serialize(from_json(schema, each), context)).decode() for each in asked["encode"]
        ],
    },
    sys.stdout,
    default=to_json,
)
