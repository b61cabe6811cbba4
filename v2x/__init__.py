"""The road between the wire and the decisions: gRPC in, MQTT out, record and replay."""
