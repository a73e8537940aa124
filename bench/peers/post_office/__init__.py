"""django-post-office with a project around it that has nothing else."""
