"""The loop: retrieve, compose, screen, render, assess, decide, refine, verify."""

import os

# langgraph reads this once, when it is imported: checkpoints may hold plain values only (CVE-2026-28277).
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
