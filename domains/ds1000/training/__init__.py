"""Training data of the small model of the data science task; never a problem of DS-1000."""
