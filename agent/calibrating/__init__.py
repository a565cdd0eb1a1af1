"""What the truth server of the calibration is made of."""
