"""What distributions call things, in one module for each family. A component asks `family(facts)`, it never tests for
a system."""

from clustr.families.known import FAMILIES, family, known
from clustr.families.model import Daemon, Engine, Family, Manager, Policy, Time, Upstream

__all__ = ["FAMILIES", "Daemon", "Engine", "Family", "Manager", "Policy", "Time", "Upstream", "family", "known"]
