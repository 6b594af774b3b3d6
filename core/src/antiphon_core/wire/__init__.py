"""The house's words and the wire's, each way. Nothing else in the house imports `antiphon_proto`."""
