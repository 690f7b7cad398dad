"""What a run sends out when it has ended: to MLflow, and to a webhook. Neither can fail the run."""
