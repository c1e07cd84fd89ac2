"""What looks generated in a picture, and why: marks, grid, crop, a small classifier, faults.

Every finding comes with what it proves and what it does not. None of them, nor all together, proves that a picture is
a photograph.
"""

from nobodies.inspection.findings import Finding, Inspection
from nobodies.inspection.looking import inspect, inspect_pixels

__all__ = ["Finding", "Inspection", "inspect", "inspect_pixels"]
