"""Digit Lab without its page: data, networks, training, stored runs, the service."""

__version__ = "1"
