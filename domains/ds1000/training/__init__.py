"""What the small model of the data science task learns from; never a problem of DS-1000."""
