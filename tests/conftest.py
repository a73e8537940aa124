"""What every test may use."""

from hypothesis import settings

# The machine may be slow and busy; a law either holds or it does not.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
