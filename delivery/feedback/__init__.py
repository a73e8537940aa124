"""News about deliveries: what providers report and what people do, folded by rank.

Whatever its order, and however often it comes, the same news gives the same end.
"""

from delivery.feedback.engagement import act, engage
from delivery.feedback.news import Reported, remember, report
from delivery.feedback.parking import match_parked

__all__ = ["Reported", "act", "engage", "match_parked", "remember", "report"]
