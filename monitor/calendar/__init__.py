"""When something holds by the clock on the wall: pure functions of an instant, with zones and their clock changes."""
