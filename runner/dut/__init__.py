"""The device under test as a client of the protocol sees it: asked, fed, and found again."""
