"""boneage-search: presets, each a function in a file of its own. A new one is a file and a line here."""

from collections.abc import Callable

from studies.preset import Preset
from studies.presets.cpu import cpu
from studies.presets.default import default
from studies.presets.demo import demo
from studies.presets.miniature import miniature
from studies.presets.paper import paper

PRESETS: dict[str, Callable[[], Preset]] = {make.__name__: make for make in (default, paper, cpu, demo, miniature)}
