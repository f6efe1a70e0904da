"""Training of the small model of the data science task; never on a problem of DS-1000."""
