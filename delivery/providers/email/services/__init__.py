"""Mail services with an API, which also tell us what became of a letter."""

from delivery.providers.email.services.brevo import Brevo
from delivery.providers.email.services.mailgun import Mailgun
from delivery.providers.email.services.postmark import Postmark
from delivery.providers.email.services.resend import Resend
from delivery.providers.email.services.sendgrid import SendGrid
from delivery.providers.email.services.ses import AmazonSes

__all__ = ["AmazonSes", "Brevo", "Mailgun", "Postmark", "Resend", "SendGrid"]
