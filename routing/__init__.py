"""Who answers: eligibility, claims, the queue."""
