"""All settings: Django's, then ours. Read from the environment (12-factor)."""

from notifysite.settings.admin import *
from notifysite.settings.base import *
from notifysite.settings.nudging import *
from notifysite.settings.product import *
