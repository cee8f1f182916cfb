"""What people saw at the points: answers, queues, verdicts, agreement, and the records that keep them."""
