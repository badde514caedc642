"""The tray's menu, read and clicked as a panel does it."""

from dbus_fast import Variant

from .services import PROPERTIES
from .waiting import until

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


class TrayMenu:
    def __init__(self, bus, host):
        self._bus = bus
        until(lambda: host.items, what="a tray icon")
        self._program, item = host.items[-1]
        self._path = bus.call(self._program, item, PROPERTIES, "Get", "ss", ITEM, "Menu")[0]
        until(self._is_there, what="the icon's menu")

    def _is_there(self):
        """The icon names its menu before there is one."""
        try:
            return bool(self._rows())
        except LookupError:
            return False

    def lines(self):
        """One per row: "[x] marked", "[ ] not marked", "(cannot be chosen)", "opens >", "---"."""
        return [_line(properties) for _, properties, _ in self._rows()]

    def lines_below(self, part):
        """The rows that the row with this text in it opens."""
        return [_line(properties) for _, properties, _ in self._rows_below(part)]

    def line(self, part):
        """The one row with this text in it, or None."""
        found = [line for line in self.lines() if part in line]
        assert len(found) <= 1, f"{part!r} is in several rows: {found}"
        return found[0] if found else None

    def click(self, part, below=None):
        """The row with this text in it; `below` is in the one that opens it."""
        rows = self._rows if below is None else lambda: self._rows_below(below)
        row = until(lambda: _find(rows(), part), what=f"a row with {part!r}")
        self._bus.call(
            self._program, self._path, MENU, "Event", "isvu", row, "clicked", Variant("i", 0), 0
        )

    def _rows_below(self, part):
        found = (rows for _, properties, rows in self._rows() if part in _text(properties))
        return next(found, [])

    def _rows(self):
        call = self._bus.call
        call(self._program, self._path, MENU, "AboutToShow", "i", 0)
        _, (_, _, rows) = call(self._program, self._path, MENU, "GetLayout", "iias", 0, -1, [])
        return rows


def _find(rows, part):
    return next((row for row, properties, _ in rows if part in _text(properties)), None)


def _text(properties):
    # A single underscore marks a key; a double one stands for itself.
    return properties.get("label", "").replace("__", "\0").replace("_", "").replace("\0", "_")


def _line(properties):
    if properties.get("type") == "separator":
        return "---"
    text = _text(properties)
    if not properties.get("enabled", True):
        return f"({text})"
    if properties.get("toggle-type") == "checkmark":
        return f"[{'x' if properties.get('toggle-state') == 1 else ' '}] {text}"
    return f"{text} >" if properties.get("children-display") == "submenu" else text
