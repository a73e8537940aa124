"""Services are told what became of their deliveries, by deliveries on the webhook channel."""
