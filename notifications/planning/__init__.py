"""From an accepted notification to deliveries: facts, the pure decision, the plan, the seal."""
