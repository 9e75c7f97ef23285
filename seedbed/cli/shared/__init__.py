"""What several commands share: their options, and the models that they bring here first."""
